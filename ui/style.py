"""The little CSS that the theme of .streamlit/config.toml cannot say: less air, so that 1366x768 is enough."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

_LOGO = Path(__file__).with_name("logo.svg")
_LAYOUT = Path(__file__).with_name("layout.css").read_text(encoding="utf-8")
_CSS = """
<style>
  /* the first line of a page stands right under the navigation, not at 128 px */
  .stMainBlockContainer { padding: 3.6rem 1.6rem 1.5rem; max-width: 2600px; }
  .stMainBlockContainer [data-testid="stVerticalBlock"] { gap: 0.55rem; }
  .stMainBlockContainer [data-testid="stHorizontalBlock"] { gap: 1.1rem; }
  .stAppHeader { height: 3.1rem; min-height: 3.1rem; }

  /* a compact sidebar: all controls without scrolling */
  [data-testid="stSidebarHeader"] { height: 2.6rem; padding-bottom: 0; margin-bottom: 0; }
  [data-testid="stSidebarUserContent"] { padding: 0 1.1rem 0.6rem; }
  .stSidebar [data-testid="stVerticalBlock"] { gap: 0.32rem; }
  .stSidebar [data-testid="stHorizontalBlock"] { gap: 0.4rem; }
  .stSidebar [data-testid="stWidgetLabel"] { margin-bottom: 0; min-height: 1.2rem; }
  /* the track ends where the label and its help begin, so that a click there does not move the slider */
  .stSidebar .stSlider > [data-testid="stWidgetLabel"] + div > div { padding: 0.6rem 0; }
  .stSidebar .stSlider > [data-testid="stWidgetLabel"] + div { padding-bottom: 0; }
  .stSidebar .stSlider { padding-bottom: 0; margin-bottom: 0.3rem; }
  .stSidebar [data-testid="stSliderThumbValue"] { visibility: hidden; }
  .stSidebar .stSlider:active [data-testid="stSliderThumbValue"] { visibility: visible; }
  .stSidebar [data-testid="stSliderTickBar"] { display: none; }
  .stSidebar [data-testid="stWidgetLabel"] p, .stSidebar button p { font-size: 0.85rem; }
  .stSidebar .stButton button, .stSidebar .stPopover button { min-height: 2.1rem; padding: 0.15rem 0.5rem; }
  .stSidebar [data-testid="stMarkdownContainer"], .stSidebar [data-testid="stCaptionContainer"], .stSidebar p {
    margin-bottom: 0;
  }
  .stSidebar [data-testid="stSidebarContent"] { padding: 0 0.3rem; }
  .stSidebar .stSelectbox input, .stSidebar .stNumberInput input { padding: 0.2rem 0.5rem; font-size: 0.85rem; }
  .stSidebar .react-aria-ComboBox > div, .stSidebar [data-testid="stNumberInputContainer"] { height: 2rem; }
  .stSidebar hr { margin: 0.5rem 0; }
  /* of one height, with the badge and without it, so that nothing below it moves */
  .stSidebar .st-key-new-network-title { min-height: 2.1rem; flex-wrap: nowrap; white-space: nowrap; }
  .stSidebar .st-key-live-title { min-height: 1.6rem; flex-wrap: nowrap; white-space: nowrap; }
  .stSidebar .st-key-live-title button { min-height: 1.5rem; padding: 0; }
  /* a panel that opens at the sidebar's end: tall from the first, so that it goes up, not under the window's edge */
  [data-testid="stPopoverBody"] { min-height: 22rem; }
  [data-testid="stPopoverBody"]:has([data-testid="stFileUploader"], .st-key-event-0, .stPageLink) { min-height: 0; }
  [data-testid="stPopoverBody"] [data-testid="stVerticalBlock"] { gap: 0.5rem; }
  [data-testid="stPopoverBody"] [data-testid="stSliderThumbValue"] { visibility: hidden; }
  [data-testid="stPopoverBody"] [data-testid="stSliderTickBar"] { display: none; }
  [data-testid="stPopoverBody"] .stSlider { margin-bottom: -0.5rem; }

  /* captions are to be read: 7 to 1, not Streamlit's 4.2 */
  .stApp [data-testid="stCaptionContainer"] { color: color-mix(in srgb, currentcolor 78%, transparent); opacity: 1; }

  /* numbers that change keep their place */
  [data-testid="stMetricValue"], [data-testid="stMarkdownContainer"], .stSlider { font-variant-numeric: tabular-nums; }
  [data-testid="stMetricLabel"] p { font-size: 0.8rem; }
  .st-key-verdict { min-height: 3rem; justify-content: center; }
  h1, h2, h3 { letter-spacing: -0.01em; text-wrap: balance; }

  /* the help of a button that was just pressed makes room for what the press has changed */
  body:has(.stButton button:focus:hover:not(:focus-visible)) [data-testid="stTooltipContent"] { visibility: hidden; }

  /* what is about to be drawn anew stays as it is until then: no fading once a second */
  [data-stale="true"] { opacity: 1 !important; transition: none !important; }

  /* over the header, so that nothing moves when it comes and goes */
  :has(> .st-key-looking-back) { position: fixed; top: 0.4rem; right: 26rem; width: auto; z-index: 999991; }
  .st-key-looking-back { flex-wrap: nowrap; white-space: nowrap; }
  @media (max-width: 2199px) { .st-key-looking-back .st-key-branch { display: none; } } /* the scrubber has it too */
  @media (max-width: 1750px) { /* there the header is full */
    :has(> .st-key-looking-back):has(.stMarkdown) {
      top: auto; bottom: 0.7rem; right: 1.2rem; pointer-events: none;
      padding: 0.15rem 0.3rem; border-radius: 0.6rem; backdrop-filter: blur(14px);
      box-shadow: 0 1px 6px rgb(0 0 0 / 25%);
    }
  }
  .stSidebar .st-key-parent button { min-height: 1.3rem; padding: 0; }
  @media (max-width: 640px) {
    .stMainBlockContainer { padding: 3.4rem 0.9rem 1.5rem; }
  }
</style>
"""


# White on the light blue that the dark theme's accent is cannot be read (2.6 to 1): there what stands on it is dark.
_ON_ACCENT = """
  [data-testid="stBaseButton-primary"], [data-testid="stBaseButton-primary"] p, .stMultiSelect [data-tag],
  .stMultiSelect [data-tag] * { color: %s !important; }
"""
_FOCUS = """
  .stApp :is(a, button, [role="button"], [role="tab"], summary):focus-visible {
    outline: 3px solid %s !important; outline-offset: 1px;
  }
  .skip-link { background: %s; color: %s; }
  :root { --veil: color-mix(in srgb, %s 90%%, transparent); }  /* under what stays in sight over a page that scrolls */
"""


def apply_style(dark: bool = False) -> None:
    """Put the style sheet and the name on the page; call it once in every run, before anything is drawn."""
    theme = "dark" if dark else "light"
    accent, ground = (escape(st.get_option(f"theme.{theme}.{name}Color")) for name in ("primary", "background"))
    of_theme = _FOCUS % (accent, accent, ground, ground) + (_ON_ACCENT % ground if dark else "")
    st.html(f"{_CSS}<style>{_LAYOUT}{of_theme}</style>")
    st.logo(_LOGO, size="large")
