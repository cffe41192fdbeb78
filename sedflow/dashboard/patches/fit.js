function fit(view) {
  const canvas = view.canvas_view
  if (canvas && Math.abs(canvas.bbox.height - canvas.el.getBoundingClientRect().height) > 2) {
    canvas.update_bbox()
    view.invalidate_layout()
  }
  for (const child of view.child_views ?? []) fit(child)
}
// What stands above a figure, such as a table, may be drawn a moment after it.
for (const pause of [0, 300, 1500])
  {setTimeout(() => { for (const root of Bokeh.index.roots) fit(root) }, pause)}
