// The bar and the keys: pages, search, link, presentation, theme and help.
import { say } from "./notices.js";

const VIEWS = ["explore", "forward", "learn", "about"];
const KEYS = { s: "sed", c: "corner", h: "history", a: "all" };
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Light or dark, and tell the figures. @param {string} theme */
function setTheme(theme) {
  const root = document.documentElement;
  root.dataset.theme = theme;
  try {
    localStorage.setItem("sedflow-theme", theme);
  } catch {
    // It lasts for this visit only.
  }
  byId("theme").setAttribute("aria-pressed", String(theme === "dark"));
  dispatchEvent(new Event("sedflow-theme"));
}

/**
 * Make the bar and the keys work.
 * @param {any} store @param {{find: (text: string) => {row: number, words: string}, idOf: (row: number) => string, page: () => any, link: () => string}} act
 */
export function startHeader(store, act) {
  const root = document.documentElement, help = /** @type {HTMLDialogElement} */ (byId("help")), find = /** @type {HTMLInputElement} */ (byId("find"));
  /** @type {NodeListOf<HTMLElement>} */
  const links = document.querySelectorAll("[data-view]");
  if (matchMedia("(max-width: 600px)").matches) find.placeholder = "Find"; // all that there is room for
  const present = (what) => {
    if (what) root.dataset.present = what;
    else delete root.dataset.present;
    dispatchEvent(new Event("sedflow-theme")); // the type of the figures has another size
  };
  links.forEach((a) => a.addEventListener("click", (event) => {
    if (event.metaKey || event.ctrlKey) return;
    event.preventDefault();
    // From a step of a lesson, the page's name leads back to the list.
    const again = a.dataset.view === "learn" && store.get().view === "learn";
    store.set({ view: a.dataset.view, ...(again ? { lesson: "", step: 1 } : {}) });
  }));
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const found = act.find(find.value);
    if (found.row < 0) return say(found.words, true);
    find.value = "";
    find.blur();
    return store.set({ galaxy: act.idOf(found.row), view: "explore" });
  });
  byId("share").addEventListener("click", () => {
    navigator.clipboard?.writeText(act.link()).then(() => say("Link copied."), () => say(act.link()));
  });
  byId("theme").addEventListener("click", () => setTheme(root.dataset.theme === "dark" ? "light" : "dark"));
  byId("theme").setAttribute("aria-pressed", String(root.dataset.theme === "dark"));
  byId("present").addEventListener("click", () => present("all"));
  byId("help-open").addEventListener("click", () => help.showModal());
  byId("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (event) => {
    const typing = /** @type {HTMLElement} */ (event.target).closest("input, select, textarea");
    if (event.key === "Escape") {
      if (root.dataset.present) return present("");
      return act.page().clear();
    }
    if (typing || event.ctrlKey || event.metaKey || event.altKey || help.open) return undefined;
    return onKey(event);
  });

  function onKey(event) {
    const { key } = event, presenting = Boolean(root.dataset.present);
    if (key === "/") {
      event.preventDefault();
      find.focus();
    } else if (key === "?") help.showModal();
    else if (key >= "1" && key <= String(VIEWS.length)) store.set({ view: VIEWS[Number(key) - 1] });
    else if (key === "j" || (presenting && key === "ArrowRight")) act.page().step?.(1);
    else if (key === "k" || (presenting && key === "ArrowLeft")) act.page().step?.(-1);
    else if (presenting && KEYS[key]) present(KEYS[key]);
  }

  const asked = new URLSearchParams(location.search).get("present") ?? "";
  if (Object.values(KEYS).includes(asked)) present(asked);
  return {
    /** @param {any} state @param {string} title */
    show(state, title) {
      document.title = `${title} · SEDflow`;
      byId("busy").hidden = !state.busy && !state.loading;
      links.forEach((a) => {
        if (a.dataset.view === state.view) a.setAttribute("aria-current", "page");
        else a.removeAttribute("aria-current");
      });
    },
  };
}
