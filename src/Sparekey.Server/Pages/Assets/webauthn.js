// Makes a passkey in a form of a settings flow, under the name by which user interfaces of Ory Kratos call it.
(() => {
  if (window.oryPasskeySettingsRegistration) {
    return;
  }

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const field = (name) => document.getElementsByName(name)[0];

  window.oryPasskeySettingsRegistration = async () => {
    const result = field('passkey_settings_register');
    const options = JSON.parse(field('passkey_create_data').value).publicKey;
    const made = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: options.excludeCredentials.map((e) => ({ ...e, id: bytes(e.id) })),
      },
    });
    result.value = JSON.stringify({
      id: made.id,
      rawId: text(made.rawId),
      type: made.type,
      response: {
        clientDataJSON: text(made.response.clientDataJSON),
        attestationObject: text(made.response.attestationObject),
        transports: made.response.getTransports?.() ?? [],
      },
    });
    result.closest('form').submit();
  };

  // Our own page has no script in its buttons, and shows this one only where it can work.
  const trigger = document.querySelector('button[data-trigger="oryPasskeySettingsRegistration"]');
  if (trigger && window.PublicKeyCredential) {
    trigger.closest('form').hidden = false;
    trigger.addEventListener('click', () => window.oryPasskeySettingsRegistration().catch(() => trigger.focus()));
  }
})();
