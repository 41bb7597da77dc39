using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>The three calls of a password reset: a token for a portal, the new password, and the mail.</summary>
internal static class PasswordEndpoints
{
    private const string Dialect = "cryptlex";
    private const string ResetPath = "/users/{id}/reset-password";
    private const string RequestPath = "/accounts/reset-password-request";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/users/{id}/reset-password-token", MakeToken).RequirePermission(Permission.RecoveryIssue);

        // A portal's page may send these two itself; neither carries a cookie, and what it learns is what any stranger does.
        var pages = new CrossOrigin("content-type, accept, authorization");
        group.MapPost(ResetPath, Reset).Public("The reset token is the proof.").AnswerOnTheBeat().WithMetadata(pages);
        group.MapPost(RequestPath, Request).Public("Who asks proves nothing; the mail goes to the user's own address.")
            .AnswerOnTheBeat().WithMetadata(pages);
        foreach (var path in new[] { ResetPath, RequestPath })
        {
            group.MapMethods(path, [HttpMethods.Options], () => (IResult)new Problem(RefusalCode.MethodNotAllowed))
                .Public("A browser asks here what a page may send.").WithMetadata(pages);
        }
    }

    private static async Task<IResult> MakeToken(HttpContext context, CollectRecovery collect, CryptlexOptions options)
    {
        if (Ids.OfRoute(context) is not { } id)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        var read = await ReadOrder(context);
        if (read.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var (wanted, reason) = read.Value;
        var caller = context.Caller();
        var order = new RecoveryOrder(new AccountName(id, null), Means.Token)
        {
            Application = caller.Application,
            Lifetime = wanted ?? options.TokenLifetime,
            Reason = reason,
            Revoke = [Revocation.Sessions],
            OnlyLowestRole = true,
            ReplacesEarlier = true,
        };
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["dialect"] = Dialect };
        if (wanted is { } lifetime)
        {
            parameters["expires_in"] = Duration.Format(lifetime);
        }

        var collected = await collect.Run(caller, order, parameters, context.RequestAborted);

        // Where the call does not say how long, and policy's limit is shorter than the setting, policy's holds.
        var issued = collected.Refusal is { Code: RefusalCode.LifetimeTooLong } && wanted is null
            ? await collect.Run(caller, order with { Lifetime = null }, parameters, context.RequestAborted)
            : collected;
        return issued.Refusal is { } refused
            ? new Problem(refused)
            : CryptlexJson.Answer(new TokenView(issued.Value.Secret!.Text.Reveal(), WireJson.Time(issued.Value.Secret.ExpiresAt)));
    }

    private static async Task<Result<(TimeSpan? Lifetime, Reason? Reason)>> ReadOrder(HttpContext context)
    {
        var headers = ReasonHeaders.Read(context);
        if (headers.Refusal is { } unreadable)
        {
            return unreadable;
        }

        // The vendor's clients send no body, and some of them a media type for it.
        var read = await StrictBody.ReadJson(context, StrictBody.DefaultLimit);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        var body = new TokenBody();
        if (read.Value.Bytes.Length > 0)
        {
            var parsed = StrictBody.Parse<TokenBody>(read.Value.Bytes, takesMore: true);
            if (parsed.Refusal is { } malformed)
            {
                return malformed;
            }

            body = parsed.Value;
        }

        TimeSpan? lifetime = null;
        if (body.ExpiresIn is { } text)
        {
            if (!Duration.TryParse(text, out var wanted))
            {
                return Faults.At("/expiresIn", "A duration like 30m or 24h.");
            }

            lifetime = wanted;
        }

        return (lifetime, body.Reason?.ToReason() ?? headers.Value);
    }

    // Whatever Authorization says: the token of the body is the authority, and an access token never stands in for it.
    private static async Task<IResult> Reset(HttpContext context, SetPasswordWithToken set)
    {
        if (Ids.OfRoute(context) is not { } id)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        var read = await StrictBody.Read<ResetBody>(context, takesMore: true);
        if (read.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (read.Value is not { Token: { } token, NewPassword: { } password })
        {
            return new Problem(Faults.Missing(read.Value.Token is null ? "/token" : "/newPassword"));
        }

        var done = await set.Run(context.Visitor(), id, token, password, context.RequestAborted);
        return done.Refusal.ToAnswer();
    }

    private static async Task<IResult> Request(HttpContext context, RequestRecovery request, ApplicationOfPage applications)
    {
        var read = await StrictBody.Read<ResetRequestBody>(context, takesMore: true);
        if (read.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var body = read.Value;
        if (body.Email is not { } email)
        {
            return new Problem(Faults.Missing("/email"));
        }

        // What is no address is no one's: it is told, so that a portal finds its mistake. A user name is never looked up here.
        if (!Identifier.IsEmail(email.Trim()))
        {
            return new Problem(Faults.At("/email", "This is not an e-mail address."));
        }

        var visitor = context.Visitor();
        string[] names = [.. new[] { body.AccountAlias, body.CompanyId, body.AccountId }.OfType<string>().Where(n => n.Length > 0)];
        var application = await applications.Run(
            visitor.Tenant, Dialect, names, context.Request.Headers.Origin.ToString(), context.RequestAborted);
        if (application.Refusal is { } unknown)
        {
            return new Problem(unknown);
        }

        var asked = new RecoveryAsked(email, Means.Link) { Application = application.Value };
        return (await request.Run(visitor, asked, context.RequestAborted)).ToAnswer(StatusCodes.Status202Accepted);
    }
}
