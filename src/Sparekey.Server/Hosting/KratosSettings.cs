using System.Globalization;
using Sparekey.Core;
using Sparekey.Server.Dialects.Kratos;

namespace Sparekey.Server.Hosting;

/// <summary>
/// Reads the settings of the doors for Kratos's clients: <c>SPAREKEY_KRATOS__…</c>, or <c>kratos</c> in <c>sparekey.json</c>, and below that
/// the names of Kratos's own configuration.
/// </summary>
internal static class KratosSettings
{
    private const string Flows = "SELFSERVICE:FLOWS:";
    private const string Methods = "SELFSERVICE:METHODS:";

    /// <summary>Reads them.</summary>
    /// <param name="settings">All settings.</param>
    /// <exception cref="SettingsException">One says something impossible.</exception>
    public static KratosOptions Read(IConfiguration settings)
    {
        var usual = new KratosOptions();
        var own = settings.GetSection("KRATOS");
        var read = new KratosOptions
        {
            Enabled = Flag(own, "ENABLED", usual.Enabled),
            PublicUrl = Base(own, "SERVE:PUBLIC:BASE_URL"),
            AdminUrl = Base(own, "SERVE:ADMIN:BASE_URL"),
            Cors = Flag(own, "SERVE:PUBLIC:CORS:ENABLED", usual.Cors),
            DefaultReturnUrl = Url(own, "SELFSERVICE:DEFAULT_BROWSER_RETURN_URL"),
            AllowedReturnUrls = Patterns(own, "SELFSERVICE:ALLOWED_RETURN_URLS"),
            Recovery = ReadRecovery(own, usual.Recovery),
            Settings = new SettingsFlowOptions
            {
                Lifespan = Span(own, Flows + "SETTINGS:LIFESPAN", usual.Settings.Lifespan),
                PrivilegedSession = Span(own, Flows + "SETTINGS:PRIVILEGED_SESSION_MAX_AGE", usual.Settings.PrivilegedSession),
                Ui = Url(own, Flows + "SETTINGS:UI_URL"),
                After = Url(own, Flows + "SETTINGS:AFTER:DEFAULT_BROWSER_RETURN_URL"),
            },
            ErrorUi = Url(own, Flows + "ERROR:UI_URL"),
            LoginUi = Url(own, Flows + "LOGIN:UI_URL"),
            Code = new CodeMethodOptions
            {
                Enabled = Flag(own, Methods + "CODE:ENABLED", usual.Code.Enabled),
                Lifespan = Span(own, Methods + "CODE:CONFIG:LIFESPAN", usual.Code.Lifespan),
                MaxSubmissions = ServerOptions.Number(settings, $"KRATOS:{Methods}CODE:CONFIG:MAX_SUBMISSIONS", usual.Code.MaxSubmissions, 1, 100),
            },
            Link = new LinkMethodOptions
            {
                Enabled = Flag(own, Methods + "LINK:ENABLED", usual.Link.Enabled),
                Lifespan = Span(own, Methods + "LINK:CONFIG:LIFESPAN", usual.Link.Lifespan),
                BaseUrl = Base(own, Methods + "LINK:CONFIG:BASE_URL"),
                OpensUi = Flag(own, Methods + "LINK:CONFIG:OPENS_UI", usual.Link.OpensUi),
            },
            Password = Flag(own, Methods + "PASSWORD:ENABLED", usual.Password),
            Profile = Flag(own, Methods + "PROFILE:ENABLED", usual.Profile),
            Passkey = Flag(own, Methods + "PASSKEY:ENABLED", usual.Passkey),
            Oidc = Flag(own, Methods + "OIDC:ENABLED", usual.Oidc),
            Providers = KratosOidcSettings.Read(own),
            Session = new KratosSessionOptions
            {
                Lifespan = Span(own, "SESSION:LIFESPAN", usual.Session.Lifespan),
                CookieName = Text(own, "SESSION:COOKIE:NAME", IsToken, "a name for a cookie") ?? usual.Session.CookieName,
                CookieDomain = Domain(own, "SESSION:COOKIE:DOMAIN") ?? Domain(own, "COOKIES:DOMAIN"),
                IsPersistent = Flag(own, "SESSION:COOKIE:PERSISTENT", usual.Session.IsPersistent),
            },
            Cookies = new KratosCookieOptions
            {
                Domain = Domain(own, "COOKIES:DOMAIN"),
                Path = Text(own, "COOKIES:PATH", t => t.StartsWith('/') && !t.Contains(';', StringComparison.Ordinal), "a path like /") ?? usual.Cookies.Path,
            },
            ContinueWith = Flag(own, "FEATURE_FLAGS:USE_CONTINUE_WITH_TRANSITIONS", usual.ContinueWith),
            ChooseRecoveryAddress = Flag(own, "FEATURE_FLAGS:CHOOSE_RECOVERY_ADDRESS", usual.ChooseRecoveryAddress),
        };
        return read is { Link.OpensUi: true, Recovery.Ui: null }
            ? throw Wrong(Methods + "LINK:CONFIG:OPENS_UI", "needs SPAREKEY_KRATOS__SELFSERVICE__FLOWS__RECOVERY__UI_URL")
            : read;
    }

    private static RecoveryFlowOptions ReadRecovery(IConfigurationSection own, RecoveryFlowOptions usual) => new()
    {
        Enabled = Flag(own, Flows + "RECOVERY:ENABLED", usual.Enabled),
        Use = own[Flows + "RECOVERY:USE"] switch
        {
            null => usual.Use,
            var text when WireName.TryParse<RecoveryMethod>(text, out var known) => known,
            _ => throw Wrong(Flows + "RECOVERY:USE", $"one of {string.Join(", ", WireName.All<RecoveryMethod>())}"),
        },
        Lifespan = Span(own, Flows + "RECOVERY:LIFESPAN", usual.Lifespan),
        Ui = Url(own, Flows + "RECOVERY:UI_URL"),
        NotifyUnknown = Flag(own, Flows + "RECOVERY:NOTIFY_UNKNOWN_RECIPIENTS", usual.NotifyUnknown),
        After = Url(own, Flows + "RECOVERY:AFTER:DEFAULT_BROWSER_RETURN_URL"),
        RevokeOtherSessions = Flag(own, Flows + "RECOVERY:AFTER:REVOKE_ACTIVE_SESSIONS", usual.RevokeOtherSessions),
    };

    // What a JSON file says is read as "True".
    private static bool Flag(IConfigurationSection own, string name, bool usual) => own[name] switch
    {
        null => usual,
        "true" or "True" => true,
        "false" or "False" => false,
        _ => throw Wrong(name, "true or false"),
    };

    private static TimeSpan Span(IConfigurationSection own, string name, TimeSpan usual) =>
        own[name] is not { } text ? usual
        : GoDuration.TryParse(text, out var span) && span.ToTimeSpan() is var found && found >= TimeSpan.FromSeconds(1) && found <= TimeSpan.FromDays(3650) ? found
        : throw Wrong(name, "a span of time of a second or more, like 12h or 1h30m");

    private static Uri? Url(IConfigurationSection own, string name) => own[name] is not { } text ? null : UrlOf(name, text);

    private static string? Base(IConfigurationSection own, string name) =>
        Url(own, name) is not { } url ? null
        : url.Query.Length > 0 ? throw Wrong(name, "a URL without a query")
        : url.AbsoluteUri.TrimEnd('/');

    private static IReadOnlyList<ReturnUrlPattern> Patterns(IConfigurationSection own, string name) =>
    [
        .. (own[name] ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Concat(own.GetSection(name).GetChildren().Select(c => c.Value ?? ""))
            .Select(text => ReturnUrlPattern.Parse(text) ?? throw Wrong(name, "URLs like https://app.example.com/ or https://*.example.com/")),
    ];

    private static Uri UrlOf(string name, string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0 && url.Fragment.Length == 0
            ? url
            : throw Wrong(name, "a URL like https://app.example.com/recovery");

    private static string? Domain(IConfigurationSection own, string name) =>
        Text(own, name, t => Uri.CheckHostName(t.TrimStart('.')) == UriHostNameType.Dns, "a domain name");

    private static string? Text(IConfigurationSection own, string name, Func<string, bool> fits, string asked) =>
        own[name] is not { } text ? null : fits(text) ? text : throw Wrong(name, asked);

    private static bool IsToken(string text) => text.Length is > 0 and <= 64 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');

    private static SettingsException Wrong(string name, string asked) =>
        new(string.Create(CultureInfo.InvariantCulture, $"SPAREKEY_KRATOS__{name.Replace(":", "__", StringComparison.Ordinal)}: {asked}."));
}
