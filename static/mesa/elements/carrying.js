// What an invitation named goes along from page to page, in the fragment, until there is an account to ask with.

/** Lets the links of this page lead there with a fragment. @param {string} fragment */
export function carryAlong(fragment) {
  for (const link of document.querySelectorAll("a[data-carries]"))
    if (link instanceof HTMLAnchorElement) link.hash = fragment
}
