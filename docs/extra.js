// What the theme leaves out for keyboards and screen readers: tables that scroll, and the search's name.

const tables = new ResizeObserver((entries) => {
    for (const { target } of entries) {
        if (target.scrollWidth > target.clientWidth) {
            target.tabIndex = 0;
        } else {
            target.removeAttribute("tabindex");
        }
    }
});

// The theme wraps the tables in the same turn.
document$.subscribe(() => requestAnimationFrame(() => {
    document.querySelector(".md-search").setAttribute("aria-label", "Search");
    for (const table of document.querySelectorAll(".md-typeset__scrollwrap")) {
        table.setAttribute("role", "group");
        table.setAttribute("aria-label", "Table");
        tables.observe(table);
    }
}));
