// What the static site's pages have from scripts that are not modules.
declare const d3: any;
