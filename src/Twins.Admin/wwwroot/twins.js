// What Blazor can't do by itself: the choice of dark or light stays in this browser.
window.twins = {
  theme: () => localStorage.getItem("twins-theme") ?? "",
  keepTheme: (theme) => localStorage.setItem("twins-theme", theme),
};
