// Forms work without script; with it, htmx sends them and swaps the page's main part. Menus close on Escape.
import "htmx.org";

document.body.addEventListener("htmx:afterSettle", () => {
  const trouble = document.getElementById("trouble");
  (trouble ?? document.getElementById("main"))?.focus({ preventScroll: !trouble });
});

document.body.addEventListener("htmx:sendError", () => {
  document.documentElement.dataset["stream"] = "broken";
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    menu.open = false;
    menu.querySelector("summary")?.focus();
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll<HTMLDetailsElement>("details.menu[open]")) {
    if (!menu.contains(event.target as Node)) menu.open = false;
  }
});
