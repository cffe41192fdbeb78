// Says why nothing would come: the page was opened as a file, the browser knows no modules, or a script of the page did not come or
// is of another version. No module itself, and in words that old browsers understand.
{
  const tell = (words) => {
    document.documentElement.dataset.broken = words; // the page itself then says no more (pages/start.js)
    const show = () => {
      const note = document.createElement("p");
      note.className = "failed";
      note.setAttribute("role", "alert");
      note.textContent = words;
      const main = document.getElementById("main");
      if (main) main.replaceChildren(note);
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", show);
    else show();
  };
  const asFile = location.protocol === "file:";
  const noModules = !("noModule" in document.createElement("script"));
  if (asFile || noModules) {
    tell(asFile
      ? "This page was opened as a file, and browsers run no modules from files: run python open.py, which lies beside it and opens it, or put the folder on a web server."
      : "This browser knows no JavaScript modules, in which the page is written; open it in a browser of 2023 or later (Chrome, Edge, Firefox or Safari 16.4).");
  } else {
    addEventListener("error", (event) => {
      const lacks = event.target instanceof HTMLScriptElement, broken = event.error instanceof SyntaxError;
      if (!lacks && !broken) return;
      tell("A script of this page did not come, is damaged, or is of another version of the site; reload the page, or publish the whole folder again.");
    }, true);
  }
}
