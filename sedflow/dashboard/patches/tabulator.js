// Patches of Tabulator in the browser; `patches/__init__.py` has the table of all.

// A table that is given other columns before it is built, a moment after it was made, is built
// with those that it was made with: Compare lacked pins that came from memory.
{
  const table = window.Tabulator?.prototype
  const set = table?.setColumns
  if (set) {table.setColumns = function(columns) {
    if (this.initialized) return set.call(this, columns)
    this.options.columns = columns
  }}
}

// A table whose pages come from the server draws its pager before it turns to another page than the
// first, and not again: the list opened at page 652, and "Prev" was grey.
{
  const table = window.Tabulator?.prototype
  const bind = table?._bindModules
  if (bind) {table._bindModules = function() {
    bind.call(this)
    const turn = this.setPage, pages = this.modules.page
    if (turn) {this.setPage = page => {
      const turned = turn(page)
      if (pages.pagesElement) pages._setPageButtons()
      return turned
    }}
  }}
}

// A table passes over data that come while it is being built: under the heading of one galaxy it
// kept the numbers of the one before. It looks again once it is built.
{
  const model = window.Bokeh?.Models?.get?.('panel.models.tabulator.DataTabulator')
  const view = model?.prototype.default_view?.prototype
  const set = view?.setData, built = view?.tableBuilt
  if (set && built) {
    view.setData = function() {
      this.missed = this._initializing || this._building
      return set.call(this)
    }
    view.tableBuilt = function() {
      built.call(this)
      if (this.missed) this.setData()
    }
  }
}
