// What the editor of a document has beyond its text: a name, light and dark, suggestions, files,
// jumps to a line, and a draft that survives a reload. CodeMirror is the one that NiceGUI ships.
(() => {
  const view = (id) => getElement(id).editor;

  const replace = (editor, text) =>
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: text } });

  // The keys that the cursor stands below, outermost first, by the indentation of the lines above.
  const path = (doc, line, column) => {
    const keys = [];
    for (let number = line - 1; number > 0 && column > 0; number--) {
      const [, lead, key] = /^((?: |- )*)"?([^\s"#:-][^":]*)"?:/.exec(doc.line(number).text) ?? [];
      if (key === undefined || lead.length >= column) continue;
      keys.unshift(key);
      column = lead.length;
    }
    return keys;
  };

  const place = (top, keys) =>
    keys.reduce((here, key) => here?.keys?.[key]?.next ?? here?.any, top);

  const suggest = (top) => (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const [, lead, key, word] = /^((?: |- )*)(?:([\w$]+): +)?([\w$.-]*)$/.exec(before) ?? [];
    if (word === undefined || (!word && !context.explicit)) return null;
    const above = path(context.state.doc, line.number, lead.length);
    const here = place(top, key === undefined ? above : [...above, key]);
    const said = key === undefined ? here?.keys : here?.values;
    // What is written in full needs no suggestion, and Enter then begins a new line.
    if (!said || word in said) return null;
    const options = Object.entries(said).map(([label, about]) => ({
      label,
      apply: key === undefined ? `${label}: ` : label,
      info: (key === undefined ? about.info : about) || undefined,
    }));
    return { from: context.pos - word.length, options };
  };

  globalThis.sweepfrontEditor = {
    // Returns whether a draft of before was brought back.
    async begin(id, { label, help, slot, origin, places }) {
      const CM = await import("nicegui-codemirror");
      const element = getElement(id);
      const editor = await element.editorPromise;
      const begun = editor.state.doc.toString();
      const keep = (text) => {
        if (text === begun) localStorage.removeItem(slot);
        else localStorage.setItem(slot, JSON.stringify({ origin, text }));
      };
      // One source for good: CodeMirror knows a running suggestion by it.
      const offers = [{ autocomplete: suggest(places) }];
      editor.dispatch({
        effects: CM.StateEffect.appendConfig.of([
          CM.EditorView.contentAttributes.of({
            "aria-label": label,
            "aria-describedby": help,
            tabindex: "0",
          }),
          CM.EditorState.languageData.of(() => offers),
          CM.EditorView.updateListener.of((update) => {
            if (update.docChanged) keep(update.state.doc.toString());
          }),
        ]),
      });
      const dress = () =>
        element.setTheme(document.body.classList.contains("body--dark") ? "githubDark" : "githubLight");
      new MutationObserver(dress).observe(document.body, { attributeFilter: ["class"] });
      dress();
      const draft = JSON.parse(localStorage.getItem(slot) ?? "null");
      if (draft?.origin !== origin || draft.text === begun) return false;
      replace(editor, draft.text);
      return true;
    },

    forget(slot) {
      localStorage.removeItem(slot);
    },

    go(id, number) {
      const editor = view(id);
      const line = editor.state.doc.line(Math.min(number, editor.state.doc.lines));
      editor.dispatch({
        selection: { anchor: line.from + line.text.search(/\S|$/) },
        scrollIntoView: true,
      });
      editor.focus();
    },

    open(id, limit) {
      const chooser = document.createElement("input");
      chooser.type = "file";
      chooser.accept = ".yml,.yaml";
      chooser.onchange = async () => {
        const [file] = chooser.files;
        if (file.size > limit) {
          Quasar.Notify.create({ type: "negative", message: `${file.name} is longer than ${limit} bytes.` });
          return;
        }
        replace(view(id), await file.text());
        view(id).focus();
      };
      chooser.click();
    },
  };
})();
