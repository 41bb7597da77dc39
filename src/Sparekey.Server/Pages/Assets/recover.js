// Only what cannot be done without script: taking a secret out of the address bar, showing strength and passwords, making a passkey.
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

  const authenticators = window.PublicKeyCredential;
  const passkey = document.getElementById('passkey');
  if (passkey && authenticators?.parseCreationOptionsFromJSON && passkey.dataset.origins.split(' ').includes(location.origin)) {
    const button = passkey.querySelector('button');
    const told = document.getElementById('passkey-fault');
    const name = button.textContent;
    passkey.hidden = false;
    document.querySelector('#password-form button')?.classList.add('second');

    const busy = (is) => {
      button.disabled = is;
      button.textContent = is ? passkey.dataset.wait : name;
    };
    const tell = (what) => {
      busy(false);
      told.textContent = passkey.dataset[what];
      told.hidden = false;
      button.focus();
    };

    passkey.addEventListener('submit', async (event) => {
      event.preventDefault();
      told.hidden = true;
      busy(true);
      try {
        // Options are asked for at every try: a challenge is good for minutes, and people read slowly.
        const answer = await fetch('/v1/redemption/passkey/options', {
          method: 'POST',
          headers: { authorization: 'Bearer ' + passkey.elements.namedItem('redemption_token').value },
        });
        if (!answer.ok) {
          tell(answer.status === 401 ? 'over' : answer.status === 429 || answer.status === 503 ? 'busy' : 'failed');
          return;
        }

        const options = (await answer.json()).public_key;
        const made = await navigator.credentials.create({ publicKey: authenticators.parseCreationOptionsFromJSON(options) });
        passkey.elements.namedItem('credential').value = JSON.stringify(made);
        passkey.submit();
      } catch (error) {
        tell({ NotAllowedError: 'declined', AbortError: 'declined', InvalidStateError: 'exists' }[error.name] ?? 'failed');
      }
    });

    // Who comes back to this page out of the browser's memory finds it as it was.
    addEventListener('pageshow', () => busy(false));
  }

  const prove = document.getElementById('prove-passkey');
  if (prove && authenticators?.parseRequestOptionsFromJSON && prove.dataset.origins.split(' ').includes(location.origin)) {
    const form = prove.form;
    const told = document.getElementById('prove-fault');
    const name = prove.textContent;
    const busy = (is) => {
      prove.disabled = is;
      prove.textContent = is ? prove.dataset.wait : name;
    };
    const tell = (what) => {
      busy(false);
      told.textContent = prove.dataset[what];
      told.hidden = false;
      prove.focus();
    };
    prove.hidden = false;
    prove.addEventListener('click', async () => {
      const number = form.elements.namedItem('number');
      if (!number.reportValidity()) {
        return;
      }

      told.hidden = true;
      busy(true);
      try {
        const answer = await fetch(`/v1/recoveries/${encodeURIComponent(number.value.trim())}/proofs/options`, { method: 'POST' });
        if (!answer.ok) {
          tell(answer.status === 429 || answer.status === 503 ? 'busy' : 'failed');
          return;
        }

        const options = (await answer.json()).public_key;
        const proof = await navigator.credentials.get({ publicKey: authenticators.parseRequestOptionsFromJSON(options) });
        form.elements.namedItem('credential').value = JSON.stringify(proof);
        form.submit();
      } catch (error) {
        tell({ NotAllowedError: 'declined', AbortError: 'declined' }[error.name] ?? 'failed');
      }
    });
    addEventListener('pageshow', () => busy(false));
  }

  // What authenticators should keep, and what they should forget; only some browsers pass it on.
  const signal = document.getElementById('passkey-signal')?.dataset;
  if (signal?.accepted) {
    authenticators?.signalAllAcceptedCredentials?.(JSON.parse(signal.accepted)).catch(() => {});
  } else if (signal?.unknown) {
    authenticators?.signalUnknownCredential?.(JSON.parse(signal.unknown)).catch(() => {});
  }

  const fault = document.querySelector('[role="alert"][tabindex]');
  if (fault) {
    fault.focus();
  }
})();
