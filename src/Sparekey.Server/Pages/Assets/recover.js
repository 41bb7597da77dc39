// Only what cannot be done without script: taking a secret out of the address bar, showing strength and passwords.
(() => {
  function takeSecret() {
    const secret = location.hash.slice(1);
    const open = document.getElementById('open-link');
    const notice = document.getElementById('notice-token');
    if (!/^sp[a-z]_/.test(secret) || !(open || notice)) {
      return;
    }

    // First of all out of sight: history, screenshots and whoever looks over a shoulder keep addresses.
    history.replaceState(null, '', location.pathname);
    if (open) {
      // It waits for a click: what opens links before the person does may run scripts too.
      open.elements.namedItem('link_secret').value = secret;
      document.getElementById('start').hidden = true;
      open.hidden = false;
      open.querySelector('button').focus();
    } else {
      notice.value = secret;
      document.getElementById('notice-field').hidden = true;
    }
  }

  takeSecret();
  addEventListener('hashchange', takeSecret);

  const password = document.getElementById('password');
  if (password) {
    const again = document.getElementById('again');
    const strength = document.getElementById('strength');
    const meter = strength.querySelector('meter');
    const word = strength.querySelector('output');
    const least = Number(strength.dataset.least);
    strength.hidden = false;
    password.addEventListener('input', () => {
      const length = [...password.value].length;
      const different = new Set(password.value).size;
      const level = length < least ? 0 : length >= least + 8 && different >= 9 ? 3 : different >= 7 ? 2 : 1;
      meter.value = length === 0 ? 0 : level + 1;
      word.textContent = length === 0 ? '' : strength.dataset['word' + level];
    });

    const show = document.getElementById('show');
    show.parentElement.hidden = false;
    show.addEventListener('change', () => {
      password.type = again.type = show.checked ? 'text' : 'password';
    });
  }

  const fault = document.querySelector('[role="alert"][tabindex]');
  if (fault) {
    fault.focus();
  }
})();
