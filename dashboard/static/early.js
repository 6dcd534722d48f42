// Sets the chosen theme before anything is painted, so that the page does not flash. theme.js owns the choice.
try {
  const theme = localStorage.getItem("tributary.theme");
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's theme stays.
}
