// The kinds of nodes: as a list beside the canvas, and over it where one is wanted.
import { useEffect, useRef, useState } from "react";
import { add, nameOf, placeForNew } from "./actions.js";
import { get, set, useDesk } from "./desk.js";
import { roomName } from "./frame.jsx";
import { fitting } from "./landing.js";
import { bare } from "./markdown.jsx";
import { Mark, Search } from "./marks.jsx";
import { around, bodiesOf, placeOf, same } from "./nesting.js";
import { useWords } from "./words.js";

const DRAG = "application/x-canevas-kind";

const firstLine = (help) => help.split("\n\n")[0];

/** Lower case and without accents, so that "reponse" finds "Réponse". */
const folded = (text) => text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "");

/** The groups with those kinds that hold every word of the search, and fit the loose end when there is one. */
const useFound = (search, end) => {
  const t = useWords();
  const catalog = useDesk((desk) => desk.catalog);
  const words = folded(search).split(/\s+/).filter(Boolean);
  const fits = (known) => {
    const text = folded([known.label, t(known.label), known.kind, known.help, t(known.help)].join(" "));
    return words.every((word) => text.includes(word)) && (!end || fitting(known, catalog, end));
  };
  const rank = (known) => closeness(folded(t(known.label)), words.join(" "));
  const nearest = (one, other) => rank(one) - rank(other);
  return catalog.groups
    .map((group) => ({ ...group, kinds: group.kinds.map((kind) => catalog.kinds[kind]).filter(fits).sort(nearest) }))
    .filter((group) => group.kinds.length)
    .sort((one, other) => nearest(one.kinds[0], other.kinds[0]));
};

/** How far a name is from a search: the name itself, its beginning, a word's beginning, else only the help says it. */
const closeness = (name, search) => {
  if (!search || name === search) return 0;
  if (name.startsWith(search)) return 1;
  return name.includes(` ${search}`) ? 2 : 3;
};

/** A search field and a list under it, walked with the arrows while the focus stays in the field. */
const Kinds = ({ id, end = null, onChoose, onEscape, autoFocus = false, draggable = false }) => {
  const t = useWords();
  const [search, setSearch] = useState("");
  const [at, setAt] = useState(0);
  const [walking, setWalking] = useState(autoFocus);
  const groups = useFound(search, end);
  const flat = groups.flatMap((group) => group.kinds);
  const list = useRef(null);
  useEffect(() => {
    if (walking) list.current.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: "nearest" });
  }, [at, walking]);
  const keys = (event) => {
    event.stopPropagation();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) setAt((now) => (walking ? Math.max(0, Math.min(now + step, flat.length - 1)) : 0)) ?? setWalking(true);
    else if (event.key === "Enter" && flat[at]) onChoose(flat[at].kind);
    else if (event.key === "Escape") (search ? setSearch("") : onEscape?.());
    else return;
    event.preventDefault();
  };
  const active = walking && flat[at] ? `${id}-${flat[at].kind}` : undefined;
  return (
    <>
      <div className="search">
        <Search size={16} aria-hidden="true" />
        <input
          type="search"
          className="input"
          role="combobox"
          aria-expanded="true"
          aria-controls={id}
          aria-activedescendant={active}
          aria-label={t("Search steps")}
          placeholder={t("Search steps")}
          value={search}
          autoFocus={autoFocus}
          onFocus={() => setWalking(true)}
          onBlur={() => setWalking(autoFocus)}
          onChange={(event) => setSearch(event.target.value) ?? setAt(0)}
          onKeyDown={keys}
        />
      </div>
      <div className="kinds" ref={list} id={id} role="listbox" aria-label={t("Steps")} tabIndex={-1}>
        {groups.map((group) => (
          <section key={group.group} role="group" aria-labelledby={`${id}-${group.group}`}>
            <h3 id={`${id}-${group.group}`} className={group.group} role="presentation">
              {t(group.label)}
            </h3>
            {group.kinds.map((known) => (
              <div
                key={known.kind}
                id={`${id}-${known.kind}`}
                className="kind-item"
                role="option"
                aria-selected={walking && flat[at]?.kind === known.kind}
                draggable={draggable}
                title={bare(t(known.help))}
                onDragStart={(event) => {
                  event.dataTransfer.setData(DRAG, known.kind);
                  event.dataTransfer.effectAllowed = "copy";
                }}
                onClick={() => onChoose(known.kind)}
              >
                <Mark icon={known.icon} group={known.group} />
                <span className="names">
                  <span className="title">{t(known.label)}</span>
                  <span className="kind">{bare(firstLine(t(known.help)))}</span>
                </span>
              </div>
            ))}
          </section>
        ))}
        {!flat.length && <p className="none">{end ? t("No step takes this.") : t("No step is called that.")}</p>}
      </div>
    </>
  );
};

export const Palette = () => {
  const t = useWords();
  return (
    <aside className="palette" aria-label={t("Steps to add")}>
      <Kinds id="palette" draggable onChoose={(kind) => add(kind)} />
    </aside>
  );
};

/** The same list where a wire was let go, a double click fell, or in the middle after a key. */
export const QuickAdd = () => {
  const adding = useDesk((desk) => desk.adding);
  return adding ? <Offer adding={adding} /> : null;
};

const Offer = ({ adding }) => {
  const t = useWords();
  const box = useRef(null);
  const close = () => set({ adding: null });
  useEffect(() => {
    const outside = (event) => !box.current?.contains(event.target) && close();
    document.addEventListener("pointerdown", outside);
    return () => document.removeEventListener("pointerdown", outside);
  }, []);
  const { x, y, at, end } = adding;
  const [goes, setGoes] = useState(() => adding.place ?? placeForNew());
  const place = x === null ? { left: "50%", top: "16%", transform: "translateX(-50%)" } : within(x, y);
  return (
    <div ref={box} className="overlay-list quick-add" style={place} role="dialog" aria-label={t("Add a step")}>
      <Goes goes={goes} setGoes={setGoes} free={!at} />
      <Kinds id="quick-add" end={end} autoFocus onChoose={(kind) => add(kind, at, end, goes)} onEscape={close} />
    </div>
  );
};

/** Into which frame the step goes, when it is not said by where the list was opened. */
const Goes = ({ goes, setGoes, free }) => {
  const t = useWords();
  const model = useDesk((desk) => desk.model);
  const [chosen] = useState(() => get().selected.steps.at(-1));
  if (!goes.step && !free) return null;
  const own = bodiesOf(model.steps[chosen]).map(({ name }) => ({ step: chosen, body: name }));
  const places = free ? [...own, ...around(model, placeOf(model, chosen))] : [goes];
  if (places.length === 1) return goes.step ? <p className="goes">{t("inside {name}", { name: nameOf(model.steps[goes.step], t) })}</p> : null;
  return (
    <div className="outputs goes" role="group" aria-label={t("Where it goes")}>
      {places.map((place) => (
        <button key={`${place.step}.${place.body}`} type="button" aria-pressed={same(place, goes)} onClick={() => setGoes(place)}>
          {place.step ? `${nameOf(model.steps[place.step], t)} · ${roomName(place.body, t)}` : t("The canvas")}
        </button>
      ))}
    </div>
  );
};

/** The place of a box so that it stays on the canvas. */
const within = (x, y) => ({ left: `min(${x}px, 100% - 21rem)`, top: `min(${y}px, max(1rem, 100% - 25rem))` });
