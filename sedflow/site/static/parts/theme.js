// Before the first paint, so that a dark page does not flash white: the theme of the address, the one
// chosen last, or the system's.
{
  const asked = new URLSearchParams(location.search).get("theme");
  let last = null;
  try {
    last = localStorage.getItem("sedflow-theme");
  } catch {
    // A page from a file, or a browser that keeps nothing: the system's theme.
  }
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const known = [asked, last].find((name) => name === "dark" || name === "light");
  document.documentElement.dataset.theme = known ?? (dark ? "dark" : "light");
}
