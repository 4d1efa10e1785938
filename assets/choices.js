// Theme and language, set on <html> before the first paint and changed without asking the server.
(() => {
  const root = document.documentElement;
  const prefers = (query) => window.matchMedia(`(${query})`).matches;

  const OPTIONS = {
    theme: ["system", "dark", "light", "contrast"],
    language: ["system", "en", "fr"],
  };
  const SYSTEM = {
    theme: () =>
      prefers("prefers-contrast: more") ? "contrast" : prefers("prefers-color-scheme: light") ? "light" : "dark",
    language: () => ((navigator.language || "").toLowerCase().startsWith("fr") ? "fr" : "en"),
  };
  const APPLY = {
    theme: (theme) => {
      const scheme = theme === "light" ? "light" : "dark";
      root.dataset.theme = theme;
      root.classList.remove("light", "dark");
      root.classList.add(scheme);
      keep("theme", scheme); // what Reflex's own colour mode reads when it mounts
    },
    language: (language) => {
      root.lang = language;
    },
  };

  // Storage may be forbidden (private windows): the choice then lasts as long as the page.
  const chosen = {};
  const keep = (key, value) => {
    try {
      localStorage.setItem(key, value);
    } catch {}
  };
  const kept = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };

  const choice = (name) => chosen[name] ?? "system";
  const apply = (name) => {
    const value = choice(name);
    APPLY[name](value === "system" ? SYSTEM[name]() : value);
    window.dispatchEvent(new Event("canevas:choice"));
  };
  const take = (name, value) => {
    chosen[name] = OPTIONS[name].includes(value) ? value : "system";
    apply(name);
  };
  const choose = (name, value) => {
    take(name, value);
    keep(`canevas.${name}`, chosen[name]);
  };

  for (const name of Object.keys(OPTIONS)) take(name, kept(`canevas.${name}`));
  for (const query of ["prefers-color-scheme: light", "prefers-contrast: more"])
    window.matchMedia(`(${query})`).addEventListener("change", () => apply("theme"));
  // Another tab chose.
  window.addEventListener("storage", ({ key, newValue }) => {
    const name = key?.replace("canevas.", "");
    if (key?.startsWith("canevas.") && name in OPTIONS) take(name, newValue);
  });

  window.canevas = { choose, choice };
})();
