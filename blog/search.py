"""What the site's search finds: sections, each by its heading, instead of whole pages.

Sphinx's index knows pages. Here each section is one to it, called `page#section`, which
`static/scorer.js` takes apart again in the reader's browser, where it also puts the
chapters before the package's own pages.
"""

import os
from collections.abc import Iterable

import sphinx.search
from docutils import nodes
from sphinx.application import Sphinx


class SectionIndex(sphinx.search.IndexBuilder):
    """An index whose documents are the sections of pages."""

    def feed(
        self,
        docname: str,
        filename: str | os.PathLike[str],
        title: str,
        doctree: nodes.document,
    ) -> None:
        """Add a page: what stands before its second heading, then each section."""
        first, *sections = [*doctree.findall(nodes.section)] or [doctree]
        super().feed(docname, filename, title, own(first))
        for section in sections:
            name = f"{docname}#{section['ids'][0]}"
            super().feed(name, filename, f"{title} > {section[0].astext()}", own(section))
            self._all_titles[name] = []  # which would be found a second time

    def prune(self, docnames: Iterable[str]) -> None:
        """Leave out what belongs to none of these pages."""
        pages = {*docnames}
        super().prune([n for n in self._titles if n.partition("#")[0] in pages])


def own(section: nodes.Element) -> nodes.document:
    """Return what is in a section and in none below it; the section stays as it is."""
    part: nodes.document = section.copy()
    part.children = [c for c in section.children if not isinstance(c, nodes.section)]
    return part


def setup(app: Sphinx) -> dict[str, bool]:
    """Have Sphinx's builder, which takes no other index, make this one."""
    sphinx.search.IndexBuilder = SectionIndex  # type: ignore[misc]
    return {"parallel_read_safe": True, "parallel_write_safe": True}
