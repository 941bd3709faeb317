"""`python -m docs.site.front_picture` draws the picture of the front page anew.

It is the figure of a page of the gallery, kept in docs/pictures so that Markdown shows it anywhere.
"""

import shutil

from docs.site.outputs import ROOT, outputs

PAGE = ROOT / "docs" / "gallery" / "known-target.md"
PICTURE = ROOT / "docs" / "pictures" / "narrows"


def main() -> None:
    """Copy the figure, light and dark."""
    folder = outputs([PAGE])[PAGE]
    for mode in ("light", "dark"):
        (drawn,) = folder.glob(f"*-{mode}.svg")
        shutil.copy(drawn, f"{PICTURE}-{mode}.svg")


if __name__ == "__main__":
    main()
