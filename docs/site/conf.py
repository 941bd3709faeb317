"""Settings of Sphinx; `python -m docs.site` calls it."""

import covey

project = "Covey"
copyright = "The Covey developers"
version = release = covey.__version__
language = "en"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_shown"]
myst_enable_extensions = ["fieldlist"]
myst_heading_anchors = 4
suppress_warnings: list[str] = []
add_module_names = False
toc_object_entries_show_parents = "hide"
python_maximum_signature_line_length = 60
highlight_language = "text"
pygments_style = "default"

html_theme = "pydata_sphinx_theme"
html_title = "Covey"
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["covey.css"]
html_js_files = ["copy.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_baseurl = ""
html_sidebars = {"index": [], "benchmarks": []}
html_theme_options = {
    "logo": {"text": "Covey"},
    "navbar_align": "left",
    "header_links_before_dropdown": 8,
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button"],
    "secondary_sidebar_items": {"**": ["page-toc", "copy-markdown"], "index": []},
    "show_prev_next": True,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def setup(app: object) -> dict[str, bool]:
    """Link names in the text to the reference."""
    from docs.site import names

    app.covey_places = names.places()  # type: ignore[attr-defined]
    app.connect("doctree-resolved", names.link)  # type: ignore[attr-defined]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
