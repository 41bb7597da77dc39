// Signs in, and signs decisions, with a passkey: asks for what is to be signed, has the device sign it, and sends the form along with it.
(() => {
  const authenticators = window.PublicKeyCredential;
  const faults = { digest_mismatch: 'changed', credential_not_found: 'none', unauthenticated: 'over', session_invalid: 'over', too_many_requests: 'busy' };

  for (const form of document.querySelectorAll('form[data-origins]')) {
    if (!authenticators?.parseRequestOptionsFromJSON || !form.dataset.origins.split(' ').includes(location.origin)) {
      continue;
    }

    const told = form.querySelector('[role="alert"]');
    const buttons = [...form.querySelectorAll('button[type="submit"]')];
    const names = buttons.map((b) => b.textContent);
    form.hidden = false;
    for (const instead of document.querySelectorAll('[data-instead]')) {
      instead.hidden = true;
    }

    const busy = (by) => buttons.forEach((button, i) => {
      button.disabled = by !== null;
      button.textContent = button === by ? form.dataset.wait : names[i];
    });
    const tell = (what, button) => {
      busy(null);
      told.textContent = form.dataset[what];
      told.hidden = false;
      button.focus();
    };

    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const button = event.submitter ?? buttons[0];
      told.hidden = true;

      // The form is read before anything is greyed out: what is signed is what is sent.
      const fields = new URLSearchParams(new FormData(form));
      busy(button);
      try {
        const answer = await fetch(button.dataset.options ?? form.dataset.options, {
          method: 'POST',
          body: 'bare' in form.dataset ? undefined : fields,
        });
        if (!answer.ok) {
          tell(faults[(await answer.json()).code] ?? 'failed', button);
          return;
        }

        const options = (await answer.json()).public_key;
        const proved = await navigator.credentials.get({ publicKey: authenticators.parseRequestOptionsFromJSON(options) });
        form.elements.namedItem('credential').value = JSON.stringify(proved);
        form.action = button.getAttribute('formaction') ?? form.getAttribute('action');
        form.submit();
      } catch (error) {
        tell({ NotAllowedError: 'declined', AbortError: 'declined' }[error.name] ?? 'failed', button);
      }
    });

    // Who comes back to this page out of the browser's memory finds it as it was.
    addEventListener('pageshow', () => busy(null));
  }
})();
