// A file for Canevas: chosen with a button or dropped anywhere on the page, handed over in pieces.
import { useEffect, useRef, useState } from "react";
import { useTranslation } from "$/public/external/builder/language/language.js";

const PIECE = 384 * 1024; // bytes; the server takes a million a message, and base64 adds a third

const base64 = (bytes) =>
  new Promise((done, fail) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => fail(reader.error);
    reader.readAsDataURL(bytes);
  });

const hand = async (file, most, onPart) => {
  if (file.size > most || file.size === 0) return onPart(file.name, file.size, "", true);
  for (let at = 0; at < file.size; at += PIECE)
    onPart(file.name, file.size, await base64(file.slice(at, at + PIECE)), at + PIECE >= file.size);
};

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");

/** most: bytes that are worth sending. onPart(name, size, base64, last): each piece in order. */
export const FileDrop = ({ most, onPart }) => {
  const t = useTranslation();
  const chooser = useRef(null);
  const [over, hover] = useState(false);
  useEffect(() => {
    const enter = (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      hover(true);
    };
    const leave = (event) => event.relatedTarget || hover(false);
    const drop = (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      hover(false);
      if (event.dataTransfer.files[0]) hand(event.dataTransfer.files[0], most, onPart);
    };
    const heard = { dragenter: enter, dragover: enter, dragleave: leave, drop };
    for (const [name, then] of Object.entries(heard)) window.addEventListener(name, then);
    return () => {
      for (const [name, then] of Object.entries(heard)) window.removeEventListener(name, then);
    };
  }, []);
  const chosen = ({ target }) => {
    if (target.files[0]) hand(target.files[0], most, onPart);
    target.value = ""; // the same file again, once it is mended, is a change too
  };
  return (
    <>
      <button type="button" className="button plain" onClick={() => chooser.current.click()}>
        <svg viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor" strokeWidth="2" aria-hidden="true">
          <path d="M12 15V3m5 5-5-5-5 5M21 15v4a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2v-4" strokeLinecap="round" strokeLinejoin="round" />
        </svg>
        {t("Import")}
      </button>
      <input ref={chooser} type="file" accept=".yaml,.yml,.json" hidden onChange={chosen} aria-label={t("A flow’s file")} />
      {over && (
        <div className="drop-here">
          <p>{t("Drop the file to import its flow")}</p>
        </div>
      )}
    </>
  );
};
