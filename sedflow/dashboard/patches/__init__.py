"""Patches of Panel 1.9 and Bokeh 3.9, each with the upstream report that it waits for.

Take a patch out once its report is resolved in the versions that `pyproject.toml` asks for.
`browser` has what runs in the page, from the JavaScript files beside it.

| patch | of | waits for |
|---|---|---|
| `send_at_once` | Bokeh 3.9 | not reported; tornadoweb/tornado#755 added the setting |
| `ask_origins` | Bokeh 3.9, Tornado 6.6 | not reported |
| `server.beginning` | Bokeh 3.9, Panel 1.9 | not reported |
| `known_defaults` | Bokeh 3.9 | not reported; bokeh/bokeh#13174 corrected a part |
| `bokeh_models` | Bokeh 3.9 | not reported |
| `in_order` | Panel 1.9 | not reported |
| `soon` | Panel 1.9 | not reported |
| `there_when_pulled` | Panel 1.9 | not reported |
| `still_offered` | Panel 1.9 | not reported |
| `within_ends` | Panel 1.9 | not reported |
| `sent_together` | Bokeh 3.9 | not reported |
| `sent_in_order` | Panel 1.9 | not reported |
| `collect_seldom` | Panel 1.9, Bokeh 3.9 | not reported |
| `let_go` | Bokeh 3.9 | not reported |
| `any_query` | Panel 1.9 | not reported |
| `MARKDOWN_CSS` | Panel 1.9 | not reported; holoviz/panel#4883 and #5278 are close to it |
| `boxed` | Panel 1.9 | not reported |
| plain lines (`bokeh.js`) | Bokeh 3.9 | not reported |
| own outline (`bokeh.js`) | Bokeh 3.9 | not reported |
| each change (`bokeh.js`) | Bokeh 3.9 | not reported |
| whole glyphs (`bokeh.js`) | Bokeh 3.9 | not reported |
| clean edges (`bokeh.js`) | Bokeh 3.9 | not reported |
| same styles, laid out once, sizes in a box (`layout.js`) | Bokeh 3.9 | not reported |
| known letters, same sizes, more to draw (`layout.js`) | Bokeh 3.9 | not reported |
| known kinds (`bokeh.js`) | Bokeh 3.9 | not reported |
| late columns (`tabulator.js`) | Tabulator 6.4 | not reported |
| late data (`tabulator.js`) | Panel 1.9 | not reported |
| finite numbers (`bokeh.js`) | Bokeh 3.9 | not reported |
| typed digits, without noise (`bokeh.js`) | Bokeh 3.9 | not reported |
| large and empty files (`bokeh.js`) | Bokeh 3.9 | not reported |
| turned pages (`tabulator.js`) | Tabulator 6.4, Panel 1.9 | not reported |
| keys in legends (`bokeh.js`) | Bokeh 3.9 | not reported |
| pressed hints (`bokeh.js`) | Panel 1.9 | not reported |
| `know_models` (`known.js`) | Bokeh 3.9 | not reported |
| `name_controls` (`names.js`) | Bokeh 3.9, noUiSlider 15 | leongersen/noUiSlider#1223 |
"""
