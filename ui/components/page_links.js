// A press on a page's link that nothing comes of is made again. Streamlit loses it where the page is drawn anew by its own
// clock at the same moment: of two requests that wait, the later one says which page is wanted, and a tick wants the old
// one. A page that is merely slow is asked for twice, which changes nothing.

const WAIT = 1000; // milliseconds
const TRIES = 8;
let asked = 0; // counts presses, so that a newer one ends the watch over an older one

const isPageLink = (link) => link.target !== "_blank" && link.origin === location.origin && !link.hasAttribute("download");
const plain = (path) => path.replace(/\/+$/, "");

function follow(link, press, tries) {
  setTimeout(() => {
    if (press !== asked || !tries || !link.isConnected || plain(link.pathname) === plain(location.pathname)) return;
    link.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }));
    follow(link, press, tries - 1);
  }, WAIT);
}

document.addEventListener(
  "click",
  (event) => {
    if (!event.isTrusted) return; // our own
    asked += 1; // whatever else is pressed: the visitor goes on
    const link = event.target.closest?.(".stAppHeader a[href], .stPageLink a[href]");
    if (link && isPageLink(link) && !(event.ctrlKey || event.metaKey || event.shiftKey)) follow(link, asked, TRIES);
  },
  true,
);

export default function () {}
