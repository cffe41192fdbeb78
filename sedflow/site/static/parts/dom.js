// Elements in a line each.

/**
 * An element with attributes and children.
 * @param {string} tag of HTML, with classes after dots
 * @param {Record<string, any>} [attributes] "on…" are listeners
 * @param {...(Node|string)} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const node = document.createElement(name);
  if (classes.length) node.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value === true) node.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(key, String(value));
  }
  node.append(...children);
  return node;
}

/** A button. @param {string} text @param {() => void} act @param {Record<string, any>} [more] */
export function button(text, act, more = {}) {
  return el("button.button", { type: "button", onclick: act, ...more }, text);
}

/**
 * Buttons of which one is pressed.
 * @param {string} label @param {[string, string][]} choices value and text @param {(value: string) => void} choose
 */
export function choice(label, choices, choose) {
  const buttons = choices.map(([value, text]) => button(text, () => choose(value), { "data-value": value, "aria-pressed": "false" }));
  const node = el("div.group", { role: "group", "aria-label": label }, ...buttons);
  return {
    node,
    /** @param {string} value */
    show(value) {
      for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.value === value));
    },
  };
}

/** A button that stays down. @param {string} text @param {(on: boolean) => void} act */
export function toggle(text, act) {
  const node = button(text, () => act(node.getAttribute("aria-pressed") !== "true"), { "aria-pressed": "false" });
  return { node, show: (on) => node.setAttribute("aria-pressed", String(Boolean(on))) };
}

/** A field to choose from. @param {string} label @param {[string, string][]} choices @param {(value: string) => void} choose */
export function chooser(label, choices, choose) {
  const node = el("select", { "aria-label": label }, ...choices.map(([value, text]) => el("option", { value }, text)));
  node.addEventListener("change", () => choose(node.value));
  return { node, show: (value) => { node.value = value; } };
}

/** Tabs with panels: arrow keys move between them. @param {string} label @param {[string, HTMLElement][]} panels */
export function tabs(label, panels, id = "tab") {
  const open = (k) => {
    heads.forEach((head, i) => {
      head.setAttribute("aria-selected", String(i === k));
      head.tabIndex = i === k ? 0 : -1;
      panels[i][1].hidden = i !== k;
    });
  };
  const heads = panels.map(([text, panel], k) => {
    panel.id = `${id}-panel-${k}`;
    panel.classList.add("panel");
    panel.setAttribute("role", "tabpanel");
    panel.tabIndex = 0;
    panel.setAttribute("aria-label", text);
    return el("button", { role: "tab", type: "button", "aria-controls": panel.id, onclick: () => open(k) }, text);
  });
  const list = el("div.tabs", { role: "tablist", "aria-label": label }, ...heads);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.stopPropagation();
    const k = (heads.indexOf(document.activeElement) + step + heads.length) % heads.length;
    open(k);
    heads[k].focus();
  });
  open(0);
  return { nodes: [list, ...panels.map((p) => p[1])], open };
}
