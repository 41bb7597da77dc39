using System.Net.Http.Headers;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OAuth;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Sparekey.Engine.Credentials.ExternalLogins;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// One person's visit to a provider: the framework's handler of OAuth 2 (authorisation code with PKCE and a cookie that ties the answer to
/// the browser that began), with the parts of OpenID Connect that say who the person is there. It keeps nothing itself: what it needs again
/// when the person comes back is a memo that stands in the attempt.
/// </summary>
internal sealed class OidcVisit : OAuthHandler<OAuthOptions>
{
    private const string NonceItem = "nonce";

    private readonly OidcProvider _provider;
    private readonly OidcMetadata _metadata;
    private readonly string _callback;
    private readonly TimeProvider _time;
    private readonly OneState _state;
    private string? _url;
    private ExternalIdentity? _identity;

    private OidcVisit(OidcProvider provider, OidcMetadata metadata, string callback, TimeProvider time, OneState state, OAuthOptions options)
        : base(new OneOptions(options), LoggerFor, UrlEncoder.Default)
    {
        (_provider, _metadata, _callback, _time, _state) = (provider, metadata, callback, time, state);
        options.Events.OnRedirectToAuthorizationEndpoint = redirect =>
        {
            _url = redirect.RedirectUri;
            return Task.CompletedTask;
        };
    }

    // What the handler logs quotes answers of the provider.
    private static ILoggerFactory LoggerFor => Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance;

    /// <summary>Prepares a visit.</summary>
    /// <param name="context">The request.</param>
    /// <param name="provider">The provider.</param>
    /// <param name="metadata">Its endpoints.</param>
    /// <param name="client">Calls it.</param>
    /// <param name="time">The clock.</param>
    /// <param name="id">The id of the attempt.</param>
    /// <param name="memo">Its memo, when the person comes back.</param>
    public static async Task<OidcVisit> Of(
        HttpContext context, OidcProvider provider, OidcMetadata metadata, HttpClient client, TimeProvider time, string id, string? memo)
    {
        var call = context.Kratos();
        var callback = CallbackOf(call, provider);
        var state = new OneState(id) { Memo = memo };
        var options = new OAuthOptions
        {
            ClientId = provider.ClientId,
            ClientSecret = provider.ClientSecret.Reveal(),
            AuthorizationEndpoint = metadata.Authorization.AbsoluteUri,
            TokenEndpoint = metadata.Token.AbsoluteUri,
            CallbackPath = new Uri(callback).AbsolutePath,
            UsePkce = true,
            Backchannel = client,
            StateDataFormat = state,
            TimeProvider = time,
            RemoteAuthenticationTimeout = LinkExternalLogin.Lifetime,
            Events = new OAuthEvents(),
        };
        options.CorrelationCookie.Name = "sparekey_oidc.";
        options.CorrelationCookie.SameSite = SameSiteMode.Lax;
        options.CorrelationCookie.SecurePolicy = call.IsSecure ? CookieSecurePolicy.Always : CookieSecurePolicy.None;
        foreach (var scope in provider.Scopes)
        {
            options.Scope.Add(scope);
        }

        var visit = new OidcVisit(provider, metadata, callback, time, state, options);
        await visit.InitializeAsync(new AuthenticationScheme(provider.Id, provider.Label, typeof(OidcVisit)), context);
        return visit;
    }

    /// <summary>Where the provider sends people back. Each has an address of its own, so that no answer is taken for another's.</summary>
    /// <param name="call">The call.</param>
    /// <param name="provider">The provider.</param>
    public static string CallbackOf(KratosCall call, OidcProvider provider) => call.At($"/self-service/methods/oidc/callback/{provider.Id}");

    /// <summary>Sends the person off. The browser gets a cookie.</summary>
    /// <param name="upstream">More that the provider is asked, by name.</param>
    /// <returns>Where the person goes, and the memo for when they come back.</returns>
    public async Task<(string Url, string Memo)> Leave(IReadOnlyDictionary<string, string> upstream)
    {
        await ChallengeAsync(new AuthenticationProperties { RedirectUri = "/" });
        return (QueryHelpers.AddQueryString(_url!, upstream.Select(p => KeyValuePair.Create(p.Key, (string?)p.Value))), _state.Memo!);
    }

    /// <summary>Receives the person.</summary>
    /// <returns>Who the provider says they are; null when it does not, or anything is wrong.</returns>
    public async Task<ExternalIdentity?> Return()
    {
        // RFC 9207: an answer says whose it is, where its provider said that it does.
        var issuer = Request.Query["iss"].ToString();
        if (issuer.Length > 0 ? issuer != _provider.Issuer : _metadata.NamesItself)
        {
            return null;
        }

        try
        {
            return (await HandleRemoteAuthenticateAsync()).Succeeded ? _identity : null;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or InvalidOperationException or AuthenticationFailureException or FormatException
            || (e is OperationCanceledException && !Context.RequestAborted.IsCancellationRequested))
        {
            return null;
        }
    }

    /// <inheritdoc/>
    protected override string BuildChallengeUrl(AuthenticationProperties properties, string redirectUri)
    {
        var nonce = properties.Items[NonceItem] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        return QueryHelpers.AddQueryString(base.BuildChallengeUrl(properties, _callback), "nonce", nonce);
    }

    /// <inheritdoc/>
    protected override Task<OAuthTokenResponse> ExchangeCodeAsync(OAuthCodeExchangeContext context) =>
        _metadata.UsesBasic
            ? ExchangeWithHeader(context)
            : base.ExchangeCodeAsync(new OAuthCodeExchangeContext(context.Properties, context.Code, _callback));

    /// <inheritdoc/>
    protected override async Task<AuthenticationTicket> CreateTicketAsync(
        ClaimsIdentity identity, AuthenticationProperties properties, OAuthTokenResponse tokens)
    {
        var claims = OidcClaims.Read(tokens.Response!.RootElement, _provider, properties.Items[NonceItem] ?? "", _time.GetUtcNow())
            ?? throw new AuthenticationFailureException("The ID token is not what was asked for.");
        _identity = new ExternalIdentity(_provider.Id, _provider.Issuer, claims.Subject)
        {
            Label = claims.Label ?? await LabelOf(tokens.AccessToken!, claims.Subject),
        };
        return new AuthenticationTicket(new ClaimsPrincipal(identity), properties, Scheme.Name);
    }

    // RFC 6749 §2.3.1: both are encoded as a form's values before they stand in the header.
    private async Task<OAuthTokenResponse> ExchangeWithHeader(OAuthCodeExchangeContext context)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, _metadata.Token)
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["grant_type"] = "authorization_code",
                ["code"] = context.Code,
                ["redirect_uri"] = _callback,
                ["code_verifier"] = context.Properties.Items[OAuthConstants.CodeVerifierKey] ?? "",
            }),
        };
        var secret = $"{Uri.EscapeDataString(_provider.ClientId)}:{Uri.EscapeDataString(_provider.ClientSecret.Reveal())}";
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(secret)));
        using var answer = await Backchannel.SendAsync(request, Context.RequestAborted);
        return answer.IsSuccessStatusCode
            ? OAuthTokenResponse.Success(JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Context.RequestAborted)))
            : OAuthTokenResponse.Failed(new AuthenticationFailureException("The code was not exchanged."));
    }

    // Only so that the person recognises the account. Without it they see the provider's name.
    private async Task<string?> LabelOf(string accessToken, string subject)
    {
        if (_metadata.UserInfo is not { } url)
        {
            return null;
        }

        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", accessToken);
        using var answer = await Backchannel.SendAsync(request, Context.RequestAborted);
        if (!answer.IsSuccessStatusCode)
        {
            return null;
        }

        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Context.RequestAborted));

        // Core §5.3.2: of somebody else, nothing is used.
        return OidcClaims.Text(document.RootElement, "sub") == subject ? OidcClaims.LabelOf(document.RootElement) : null;
    }

    private sealed class OneOptions(OAuthOptions options) : IOptionsMonitor<OAuthOptions>
    {
        public OAuthOptions CurrentValue => options;

        public OAuthOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<OAuthOptions, string?> listener) => null;
    }

    // The state that goes through the browser is the id of the attempt and nothing else.
    private sealed class OneState(string id) : ISecureDataFormat<AuthenticationProperties>
    {
        public string? Memo { get; set; }

        public string Protect(AuthenticationProperties data) => Protect(data, null);

        public string Protect(AuthenticationProperties data, string? purpose)
        {
            Memo = JsonSerializer.Serialize(data.Items);
            return id;
        }

        public AuthenticationProperties? Unprotect(string? protectedText) => Unprotect(protectedText, null);

        public AuthenticationProperties? Unprotect(string? protectedText, string? purpose) =>
            protectedText == id && Memo is { } memo
                ? new AuthenticationProperties(JsonSerializer.Deserialize<Dictionary<string, string?>>(memo)!)
                : null;
    }
}
