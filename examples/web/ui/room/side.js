// What is beside the messages: four panels, one at a time. Where there is room they stand there for good; on a phone
// they come over the messages as a dialog.

import { h } from '../dom.js';
import { icon } from '../icons.js';
import { t } from '../strings.js';

/** @typedef {'people' | 'verify' | 'share' | 'control'} PanelName */

/** @type {[PanelName, import('../icons.js').IconName][]} */
const TABS = [
  ['people', 'people'],
  ['verify', 'shield'],
  ['share', 'share'],
  ['control', 'more'],
];

/** @param {Record<PanelName, HTMLElement>} panels */
export function side(panels) {
  const wide = matchMedia('(min-width: 860px)');
  /** @type {HTMLElement | null} */
  let opener = null;

  const tabs = new Map(
    TABS.map(([name, picture]) => [
      name,
      h(
        'button',
        {
          class: 'tab',
          type: 'button',
          role: 'tab',
          id: `tab-${name}`,
          'aria-controls': `panel-${name}`,
          'data-tab': name,
          onclick: () => choose(name),
          onkeydown: (/** @type {KeyboardEvent} */ event) => walk(event, name),
        },
        icon(picture),
        h('span', {}, t.room[name]),
      ),
    ]),
  );
  const bodies = new Map(TABS.map(([name]) => [name, h('section', { class: 'panel', role: 'tabpanel', id: `panel-${name}`, 'aria-labelledby': `tab-${name}`, tabindex: 0 }, panels[name])]));
  const close = h('button', { class: 'button icon-button close', type: 'button', 'aria-label': t.room.close, onclick: () => dialog.close() }, icon('close'));
  const dialog = h(
    'dialog',
    { class: 'side', 'aria-label': t.room.panel },
    h('div', { class: 'side-head' }, h('div', { class: 'tabs', role: 'tablist', 'aria-label': t.room.panel }, [...tabs.values()]), close),
    [...bodies.values()],
  );
  dialog.addEventListener('close', () => !wide.matches && opener?.focus());
  // A tap beside the dialog.
  dialog.addEventListener('click', (event) => event.target === dialog && !wide.matches && dialog.close());

  /** @param {PanelName} chosen */
  const choose = (chosen) => {
    for (const [name, tab] of tabs) {
      tab.setAttribute('aria-selected', String(name === chosen));
      tab.tabIndex = name === chosen ? 0 : -1;
      /** @type {HTMLElement} */ (bodies.get(name)).hidden = name !== chosen;
    }
  };

  /** @param {KeyboardEvent} event @param {PanelName} from */
  const walk = (event, from) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step !== undefined) {
      const at = TABS.findIndex(([name]) => name === from);
      const next = /** @type {[PanelName, string]} */ (TABS[(at + step + TABS.length) % TABS.length])[0];
      choose(next);
      tabs.get(next)?.focus();
    }
  };

  const settle = () => {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.close();
    if (wide.matches) {
      // `show` would take the keyboard from whoever is writing.
      dialog.setAttribute('open', '');
      focused?.focus();
    }
  };
  wide.addEventListener('change', settle);
  choose('people');

  return {
    element: dialog,
    settle,
    /** @param {PanelName} name @param {HTMLElement} from */
    open(name, from) {
      choose(name);
      opener = from;
      if (!wide.matches && !dialog.open) {
        dialog.showModal();
      }
      if (wide.matches) {
        tabs.get(name)?.focus();
      }
    },
    closeIfOver: () => !wide.matches && dialog.close(),
    leave() {
      wide.removeEventListener('change', settle);
      dialog.close();
    },
  };
}
