const page = Bokeh.documents[0], patch = page.create_json_patch.bind(page)
page.create_json_patch = events => {
  page._new_models.clear()
  return patch(events)
}
