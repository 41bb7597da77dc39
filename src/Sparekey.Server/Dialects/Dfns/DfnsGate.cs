using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>A call of a client.</summary>
/// <param name="Visitor">Where it came from.</param>
/// <param name="Application">For which application.</param>
/// <param name="OrgId">Its organisation.</param>
/// <param name="Body">The body; an empty object where there is none.</param>
/// <param name="Payload">The body as it came.</param>
internal sealed record DfnsCall(Visitor Visitor, Application Application, string OrgId, JsonElement Body, string Payload)
{
    /// <summary>The programme that calls; null for everybody else.</summary>
    public Caller? Programme { get; init; }

    /// <summary>The person who calls; null for everybody else.</summary>
    public SessionCaller? Person { get; init; }

    /// <summary>What they carry; null for nothing.</summary>
    public DfnsToken? Token { get; init; }

    /// <summary>Who signs what this caller does; null for who is not known.</summary>
    public ActionSigner? Signer => Programme is { } programme ? ActionSigner.Of(programme) : Person is { } person ? ActionSigner.Of(person) : null;
}

/// <summary>Finds application and caller of a call, and holds calls that change something to their signature.</summary>
/// <param name="applications">Knows applications.</param>
/// <param name="tokens">Reads JWTs.</param>
/// <param name="authentication">Knows programmes.</param>
/// <param name="sessions">Knows people.</param>
/// <param name="actions">Knows signatures of calls.</param>
/// <param name="nonces">Lets a nonce count once.</param>
/// <param name="velocity">Counts what programmes do.</param>
/// <param name="time">The clock.</param>
internal sealed class DfnsGate(
    ApplicationOfClient applications, DfnsTokens tokens, Authentication authentication, SessionAuthentication sessions, SignActions actions,
    SpendOnce nonces, Velocity velocity, TimeProvider time)
{
    private const int BodyLimit = 256 * 1024;
    private const int ShortestNonce = 13;
    private static readonly TimeSpan NonceKept = TimeSpan.FromHours(1);

    /// <summary>Admits a call of somebody who need prove nothing.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The call, or the error to answer.</returns>
    public Task<(DfnsCall? Call, IResult? Error)> Open(HttpContext context) => Admit(context, null);

    /// <summary>Admits a call of a programme or a person.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The call, or the error to answer.</returns>
    public Task<(DfnsCall? Call, IResult? Error)> Anybody(HttpContext context) => Known(context, TokenKind.ServiceAccount, TokenKind.Token);

    /// <summary>Admits a call of a person.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The call, or the error to answer.</returns>
    public Task<(DfnsCall? Call, IResult? Error)> Person(HttpContext context) => Known(context, TokenKind.Token);

    /// <summary>Admits a call of a programme.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The call, or the error to answer.</returns>
    public Task<(DfnsCall? Call, IResult? Error)> Programme(HttpContext context) => Known(context, TokenKind.ServiceAccount);

    /// <summary>Admits a call that carries a token of one use.</summary>
    /// <param name="context">The request.</param>
    /// <param name="kind">What it must be for.</param>
    /// <returns>The call, or the error to answer.</returns>
    public Task<(DfnsCall? Call, IResult? Error)> Temporary(HttpContext context, TokenKind kind) => Known(context, kind);

    /// <summary>Holds a call to its signature.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <returns>The signature, spent on this call; or the error to answer.</returns>
    public async Task<(SignedAction? Action, IResult? Error)> Signed(HttpContext context, DfnsCall call)
    {
        var header = context.Request.Headers["X-Dfns-UserAction"].ToString();
        if (await tokens.Read(call.Visitor.Tenant, header, context.RequestAborted) is not { Kind: TokenKind.UserAction } token || call.Signer is not { } signer)
        {
            return (null, DfnsError.ActionMissing);
        }

        var spent = await actions.Spend(
            call.Visitor, signer, token.Inner.Reveal(),
            new ActionToSign(context.Request.Method, context.Request.Path.Value ?? "", call.Payload), context.RequestAborted);
        return spent.Refusal is { } refused ? (null, Errors.Of(refused)) : (spent.Value, null);
    }

    private async Task<(DfnsCall? Call, IResult? Error)> Known(HttpContext context, params TokenKind[] kinds)
    {
        var token = await tokens.Read(context.Visitor().Tenant, context.BearerToken().Reveal(), context.RequestAborted);
        if (token is null || !kinds.Contains(token.Kind))
        {
            return (null, DfnsError.NotAuthorized);
        }

        switch (token.Kind)
        {
            case TokenKind.ServiceAccount:
                var caller = await authentication.Authenticate(context.Visitor(), token.Inner, context.RequestAborted);
                if (caller.Refusal is not null)
                {
                    return (null, DfnsError.NotAuthorized);
                }

                context.Features.Set(caller.Value);
                return !HttpMethods.IsGet(context.Request.Method) && await velocity.Spend(caller.Value, context.RequestAborted) is { } spent
                    ? (null, Errors.Of(spent))
                    : await Admit(context, token, caller.Value);
            case TokenKind.Token:
                var session = await sessions.Authenticate(context.Visitor().Tenant, token.Inner, SessionRestriction.Delegated, context.RequestAborted);
                return session.Refusal is not null
                    ? (null, DfnsError.NotAuthorized)
                    : await Admit(
                        context, token, person: new SessionCaller(context.Visitor().Tenant, context.Visitor().Source, context.CorrelationId(), session.Value));
            default:
                return await Admit(context, token);
        }
    }

    private async Task<(DfnsCall? Call, IResult? Error)> Admit(HttpContext context, DfnsToken? token, Caller? programme = null, SessionCaller? person = null)
    {
        if (await NonceFault(context) is { } replayed)
        {
            return (null, replayed);
        }

        var named = context.Request.Headers["X-Dfns-AppId"].ToString();
        var application = await applications.Run(
            context.Visitor().Tenant, DfnsId.Dialect, named.Length == 0 ? null : named, programme?.Application ?? person?.Session.Application,
            context.RequestAborted);
        if (application is null)
        {
            return (null, new DfnsError(400, "Application not found."));
        }

        var body = await StrictBody.ReadJson(context, BodyLimit);
        return body.Refusal is { } refused
            ? (null, Errors.Of(refused))
            : (new DfnsCall(context.Visitor(), application, application.Group ?? "", body.Value.Json, Encoding.UTF8.GetString(body.Value.Bytes))
            {
                Programme = programme,
                Person = person,
                Token = token,
            }, null);
    }

    // Clients up to 0.6 send one with every call; later ones none.
    private async Task<IResult?> NonceFault(HttpContext context)
    {
        var header = context.Request.Headers["X-Dfns-Nonce"].ToString();
        if (header.Length == 0)
        {
            return null;
        }

        if (header.Length > 512 || !Base64Url.IsValid(header.TrimEnd('=')))
        {
            return DfnsError.NonceInvalid;
        }

        try
        {
            using var nonce = JsonDocument.Parse(Base64Url.DecodeFromChars(header.TrimEnd('=')));
            return Mapping.Text(nonce.RootElement, "uuid") is not { Length: >= ShortestNonce } uuid ? DfnsError.NonceInvalid
                : await nonces.Run(context.Visitor().Tenant, "dfns.nonce", uuid, time.GetUtcNow() + NonceKept, context.RequestAborted) ? null
                : DfnsError.NonceUsed;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return DfnsError.NonceInvalid;
        }
    }
}
