"""Names for controls that Bokeh leaves without one.

A slider's handle has the role of a slider and can be reached by keyboard, but no accessible name:
its title is an element beside it that it does not refer to. Nor have the arrows of number fields,
choosers of several things, and file fields.
"""

from bokeh.models import CustomJS

__all__ = ["name_controls"]

_CODE = """
function walk(node) {
  if (node.shadowRoot) walk(node.shadowRoot)
  for (const child of node.children ?? []) {
    const role = child.getAttribute?.('role')
    if (role === 'slider' && child.classList.contains('noUi-handle')) {
      const title = child.getRootNode().querySelector('.bk-slider-title')
      const text = title?.textContent.split(':')[0].trim()
      if (text && child.getAttribute('aria-label') !== text) child.setAttribute('aria-label', text)
    } else if (child.classList.contains('bk-spin-btn')) {
      const text = child.classList.contains('bk-spin-btn-up') ? 'more' : 'less'
      if (!child.getAttribute('aria-label')) child.setAttribute('aria-label', text)
    } else if (child.matches('.choices, input[type=file]')) {
      const text = child.getRootNode().querySelector('label')?.textContent.trim() || 'file'
      if (!child.getAttribute('aria-label')) child.setAttribute('aria-label', text)
    } else if (child.tagName === 'PROGRESS' && !child.getAttribute('aria-label')) {
      child.setAttribute('aria-label', 'progress')
    }
    walk(child)
  }
}
// Pages are built when they are opened, and titles change: look again from time to time.
walk(document.body)
setInterval(() => walk(document.body), 1500)
"""


def name_controls(document):
    """Give the sliders and progress bars of a Bokeh document their titles as accessible names."""
    document.js_on_event("document_ready", CustomJS(code=_CODE))
