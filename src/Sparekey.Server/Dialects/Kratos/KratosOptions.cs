namespace Sparekey.Server.Dialects.Kratos;

/// <summary>What self-service recovery sends.</summary>
internal enum RecoveryMethod
{
    /// <summary>A code of six digits.</summary>
    Code,

    /// <summary>A link.</summary>
    Link,
}

/// <summary>
/// Settings of the doors for Kratos's clients. Their names are those of Kratos's own configuration; where a default differs from Kratos's,
/// it says so.
/// </summary>
internal sealed record KratosOptions
{
    /// <summary>Whether there are any.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Where the public routes are (<c>serve.public.base_url</c>), without a slash at the end; null for the application's origin.</summary>
    public string? PublicUrl { get; init; }

    /// <summary>Where the routes of programmes are (<c>serve.admin.base_url</c>), without a slash at the end; null for the application's origin.</summary>
    public string? AdminUrl { get; init; }

    /// <summary>Whether pages of the tenant's applications may call the public routes from their own origin, with their cookies.</summary>
    public bool Cors { get; init; }

    /// <summary>Where a browser goes when nothing else says it; null for our own page.</summary>
    public Uri? DefaultReturnUrl { get; init; }

    /// <summary>Where a caller may have a browser sent, besides the self-service routes: same scheme and host (<c>*.</c> for any below), path prefix.</summary>
    public IReadOnlyList<ReturnUrlPattern> AllowedReturnUrls { get; init; } = [];

    /// <summary>Self-service recovery.</summary>
    public RecoveryFlowOptions Recovery { get; init; } = new();

    /// <summary>The settings flow.</summary>
    public SettingsFlowOptions Settings { get; init; } = new();

    /// <summary>The application's own page for errors; null for ours.</summary>
    public Uri? ErrorUi { get; init; }

    /// <summary>The application's own page to sign in; null for none.</summary>
    public Uri? LoginUi { get; init; }

    /// <summary>Codes.</summary>
    public CodeMethodOptions Code { get; init; } = new();

    /// <summary>Links.</summary>
    public LinkMethodOptions Link { get; init; } = new();

    /// <summary>Whether the settings flow sets passwords.</summary>
    public bool Password { get; init; } = true;

    /// <summary>Whether the settings flow changes traits.</summary>
    public bool Profile { get; init; } = true;

    /// <summary>Whether the settings flow adds and removes passkeys.</summary>
    public bool Passkey { get; init; } = true;

    /// <summary>Whether the settings flow links accounts at other providers.</summary>
    public bool Oidc { get; init; } = true;

    /// <summary>The other providers.</summary>
    public IReadOnlyList<OidcProvider> Providers { get; init; } = [];

    /// <summary>Sessions.</summary>
    public KratosSessionOptions Session { get; init; } = new();

    /// <summary>Cookies of browsers' flows.</summary>
    public KratosCookieOptions Cookies { get; init; } = new();

    /// <summary>
    /// Whether answers say what comes next in <c>continue_with</c> (<c>feature_flags.use_continue_with_transitions</c>). On, unlike in Kratos,
    /// whose programmes without a browser lose their session otherwise.
    /// </summary>
    public bool ContinueWith { get; init; } = true;

    /// <summary>Whether a person with several addresses chooses one (<c>feature_flags.choose_recovery_address</c>).</summary>
    public bool ChooseRecoveryAddress { get; init; }
}

/// <summary>Self-service recovery (<c>selfservice.flows.recovery</c>).</summary>
internal sealed record RecoveryFlowOptions
{
    /// <summary>Whether there is any. On, unlike in Kratos.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>What it sends.</summary>
    public RecoveryMethod Use { get; init; } = RecoveryMethod.Code;

    /// <summary>How long a flow lasts.</summary>
    public TimeSpan Lifespan { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The application's own page; null for ours.</summary>
    public Uri? Ui { get; init; }

    /// <summary>Whether an address without an account is told that somebody tried.</summary>
    public bool NotifyUnknown { get; init; }

    /// <summary>Where the settings flow after it ends; null for nowhere in particular.</summary>
    public Uri? After { get; init; }

    /// <summary>Whether it ends the person's other sessions. Kratos leaves that to a hook.</summary>
    public bool RevokeOtherSessions { get; init; } = true;
}

/// <summary>The settings flow (<c>selfservice.flows.settings</c>).</summary>
internal sealed record SettingsFlowOptions
{
    /// <summary>How long a flow lasts.</summary>
    public TimeSpan Lifespan { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long after a sign-in credentials can be changed; and how long a session of a recovery lasts in which none was.</summary>
    public TimeSpan PrivilegedSession { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The application's own page; null for ours.</summary>
    public Uri? Ui { get; init; }

    /// <summary>Where a browser goes after a change; null for the page of the flow.</summary>
    public Uri? After { get; init; }
}

/// <summary>Codes (<c>selfservice.methods.code</c>).</summary>
internal sealed record CodeMethodOptions
{
    /// <summary>Whether there are any.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>How long one is good for when nobody says it.</summary>
    public TimeSpan Lifespan { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How many codes a flow takes, right or wrong.</summary>
    public int MaxSubmissions { get; init; } = 5;
}

/// <summary>Links (<c>selfservice.methods.link</c>).</summary>
internal sealed record LinkMethodOptions
{
    /// <summary>Whether there are any. On, unlike in Kratos.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>How long one is good for when nobody says it.</summary>
    public TimeSpan Lifespan { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Where links begin, without a slash at the end; null for the public routes. Kratos ignores it.</summary>
    public string? BaseUrl { get; init; }

    /// <summary>Whether a browser that opens a link is sent to the application's own page, which posts the token, and not shown ours.</summary>
    public bool OpensUi { get; init; }
}

/// <summary>Sessions (<c>session</c>).</summary>
internal sealed record KratosSessionOptions
{
    /// <summary>How long one lasts.</summary>
    public TimeSpan Lifespan { get; init; } = TimeSpan.FromHours(24);

    /// <summary>The name of its cookie.</summary>
    public string CookieName { get; init; } = "ory_kratos_session";

    /// <summary>The domain of its cookie; null for the host alone.</summary>
    public string? CookieDomain { get; init; }

    /// <summary>Whether the cookie outlives the browser.</summary>
    public bool IsPersistent { get; init; } = true;
}

/// <summary>Cookies of browsers' flows (<c>cookies</c>).</summary>
internal sealed record KratosCookieOptions
{
    /// <summary>Their domain; null for the host alone.</summary>
    public string? Domain { get; init; }

    /// <summary>Their path.</summary>
    public string Path { get; init; } = "/";
}
