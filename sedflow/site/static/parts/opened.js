// Says why nothing would come: the page was opened as a file, or the browser knows no modules. No module itself, and in words that old
// browsers understand.
{
  const asFile = location.protocol === "file:";
  const noModules = !("noModule" in document.createElement("script"));
  if (asFile || noModules) {
    document.addEventListener("DOMContentLoaded", () => {
      const note = document.createElement("p");
      note.className = "failed";
      note.setAttribute("role", "alert");
      note.textContent = asFile
        ? "This page was opened as a file, and browsers run no modules from files: run python open.py, which lies beside it and opens it, or put the folder on a web server."
        : "This browser knows no JavaScript modules, in which the page is written; open it in a browser of 2023 or later (Chrome, Edge, Firefox or Safari 16.4).";
      const main = document.getElementById("main");
      if (main) main.replaceChildren(note);
    });
  }
}
