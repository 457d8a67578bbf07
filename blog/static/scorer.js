// Orders what Sphinx's search found: chapters, then the package's page, then its source; and names sections (blog/search.py).
var Scorer = {
  score: (result) => {
    const [page, section] = result[0].split("#");
    if (section) [result[0], result[2]] = [page, `#${section}`];
    const rank = /^\d\d-/.test(page) ? 2 : page.startsWith("_modules/") ? 0 : 1;
    // Of headings with the word the shortest says the most.
    const heading = result[4] >= Scorer.title ? 1 / result[1].split(" > ").at(-1).length : 0;
    return 1000 * rank + result[4] + heading;
  },

  // Sphinx's own: for an object by its name, whole or in part, and by its importance; for words in headings and in the text.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
