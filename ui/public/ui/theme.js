// Runs before the first paint, so that a dark page never flashes white. `lib/theme.ts` takes over afterwards.
(function () {
  var choice = null;
  try {
    choice = localStorage.getItem("bulkhead.theme");
  } catch {
    // storage may be forbidden: follow the system
  }
  var dark = choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.classList.toggle("dark", dark);
})();
