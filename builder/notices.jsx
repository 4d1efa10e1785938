// Short messages in a corner; read out politely, kept while one looks at them.
import { useEffect, useState } from "react";
import { useTranslation } from "$/public/external/builder/language/language.js";

const STAY = 8000; // ms; errors and what can be undone stay until closed

const Notice = ({ notice, held, onAct, onClose }) => {
  const t = useTranslation();
  const passing = notice.tone !== "error" && !notice.action;
  useEffect(() => {
    if (!passing || held) return;
    const timer = setTimeout(onClose, STAY);
    return () => clearTimeout(timer);
  }, [passing, held]);
  return (
    <div className={`notice ${notice.tone}`}>
      <p>{t(notice.text, notice.values)}</p>
      {notice.action && (
        <button type="button" className="button plain" onClick={onAct}>
          {t(notice.action)}
        </button>
      )}
      <button type="button" className="button quiet only-icon" aria-label={t("Close")} onClick={onClose}>
        <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
          <path d="m4 4 8 8m0-8-8 8" strokeLinecap="round" />
        </svg>
      </button>
    </div>
  );
};

export const Notices = ({ notices = [], onAct, onClose }) => {
  const [held, hold] = useState(false);
  const bind = {
    onMouseEnter: () => hold(true),
    onMouseLeave: () => hold(false),
    onFocus: () => hold(true),
    onBlur: () => hold(false),
  };
  return (
    <div className="notices" role="status" aria-live="polite" {...bind}>
      {notices.map((notice) => (
        <Notice
          key={notice.id}
          notice={notice}
          held={held}
          onAct={() => onAct(notice.id)}
          onClose={() => onClose(notice.id)}
        />
      ))}
    </div>
  );
};
