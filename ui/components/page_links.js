// A press on a page's link that nothing comes of is made again. Streamlit loses it where the page is drawn anew by its own
// clock at the same moment: of two requests that wait, the later one says which page is wanted, and a tick wants the old
// one. A page that is merely slow is asked for twice, which changes nothing.

const LINKS = ".stAppHeader a[href], .stPageLink a[href]";
const WAIT = 1000; // milliseconds
const TRIES = 8;
let asked = 0; // counts presses, so that a newer one ends the watch over an older one

const isPageLink = (link) => link.target !== "_blank" && link.origin === location.origin && !link.hasAttribute("download");
const plain = (path) => path.replace(/\/+$/, "");

function follow(path, press, tries) {
  setTimeout(() => {
    if (press !== asked || !tries || path === plain(location.pathname)) return;
    const link = [...document.querySelectorAll(LINKS)].find((one) => plain(one.pathname) === path); // drawn anew, maybe
    link?.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, view: window }));
    follow(path, press, tries - 1);
  }, WAIT);
}

document.addEventListener(
  "click",
  (event) => {
    if (!event.isTrusted) return; // our own
    asked += 1; // whatever else is pressed: the visitor goes on
    const link = event.target.closest?.(LINKS);
    if (link && isPageLink(link) && !(event.ctrlKey || event.metaKey || event.shiftKey)) follow(plain(link.pathname), asked, TRIES);
  },
  true,
);

document.documentElement.dataset.watchesLinks = "yes";

export default function () {}
