using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Flows;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Codes and links that a programme asks for, for somebody's account. Each is a recovery like any other.</summary>
internal static class AdminRecoveryEndpoints
{
    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/admin/recovery/code", MakeCode).RequireKratosToken(Permission.RecoveryRequest, Permission.RecoveryIssue);
        group.MapPost("/admin/recovery/link", MakeLink).RequireKratosToken(Permission.RecoveryRequest, Permission.RecoveryIssue);
    }

    private static async Task<IResult> MakeCode(HttpContext context, OrderFlow order)
    {
        var call = context.Kratos();
        if (!call.Options.Code.Enabled)
        {
            return KratosError.MethodDisabled;
        }

        var (body, unreadable) = await KratosBody.Read<OrderBody>(context, takesMore: true);
        if ((unreadable ?? FaultOfId(body!)) is { } wrong)
        {
            return wrong;
        }

        var (lifetime, fault) = LifetimeOf(body!.ExpiresIn, call.Options.Code.Lifespan, "must result to", g => g.ToString());
        if (fault is not null || body.FlowType is not (null or "" or "browser" or "api"))
        {
            return fault ?? new KratosError(400, $"Value from \"flow_type\" is not valid: \"{Cut(body.FlowType!)}\"");
        }

        var made = await Order(context, order, body, Means.Code, lifetime);
        return made.Error?.Status == 404
            ? made.Error with { Reason = "could not find identity" }
            : (IResult?)made.Error ?? KratosJson.Answer(
                new MadeCode(KratosCall.With(call.RecoveryUi, ("flow", made.Flow!.Flow.Id)), made.Flow.Secret.Reveal(), made.Flow.Flow.ExpiresAt),
                StatusCodes.Status201Created, isPlain: true);
    }

    private static async Task<IResult> MakeLink(HttpContext context, OrderFlow order)
    {
        var call = context.Kratos();
        if (!call.Options.Link.Enabled)
        {
            return KratosError.MethodDisabled;
        }

        var (body, unreadable) = await KratosBody.Read<OrderBody>(context, takesMore: true);
        if ((unreadable ?? FaultOfId(body!)) is { } wrong)
        {
            return wrong;
        }

        var (lifetime, fault) = LifetimeOf(body!.ExpiresIn, call.Options.Link.Lifespan, "must be result to", _ => body.ExpiresIn!);
        if (fault is not null)
        {
            return fault;
        }

        var made = await Order(context, order, body with { FlowType = null }, Means.Link, lifetime);
        return made.Error?.Status == 404
            ? new KratosError(400, "The requested identity id does not exist.")
            : (IResult?)made.Error ?? KratosJson.Answer(new MadeLink(made.Flow!.Secret.Reveal(), made.Flow.Flow.ExpiresAt), isPlain: true);
    }

    private static async Task<(OrderedFlow? Flow, KratosError? Error)> Order(
        HttpContext context, OrderFlow order, OrderBody body, Means uses, TimeSpan lifetime)
    {
        var call = context.Kratos();
        var (returnTo, forbidden) = ReturnUrl.Check(call, context.Request.Query["return_to"]);
        if (forbidden is not null)
        {
            return (null, forbidden);
        }

        var reason = ReasonHeaders.Read(context);
        if (reason.Refusal is { } unreadable)
        {
            return (null, new KratosError(400, unreadable.Detail));
        }

        var query = context.Request.QueryString.ToUriComponent();
        var ordered = await order.Run(
            context.Caller(),
            new FlowOrder(
                KratosJson.Id<AccountId>(body.IdentityId), uses, call.Application.Id, $"{call.Admin}/admin/recovery/{RecoveryFlowView.NameOf(uses)}{query}",
                RecoverySubmission.LinkStart(call), RecoverySubmission.LinkMiddle, new Uri(call.RecoveryUi))
            {
                Lifetime = lifetime,
                Reason = reason.Value,
                EndsSessions = call.Options.Recovery.RevokeOtherSessions,
                IsNative = body.FlowType == "api",
                SkipsSettings = context.Request.Query["skip_settings"] == "true",
                ReturnTo = returnTo,
                Parameters = new Dictionary<string, string>(StringComparer.Ordinal)
                {
                    ["dialect"] = "kratos",
                    ["expires_in"] = body.ExpiresIn ?? "",
                    ["flow_type"] = body.FlowType ?? "",
                    ["return_to"] = returnTo ?? "",
                },
            },
            context.RequestAborted);
        return ordered.Refusal is { } refused ? (null, ErrorOf(refused)) : (ordered.Value, null);
    }

    // What policy says no to is forbidden, whatever else it would be elsewhere.
    private static KratosError ErrorOf(Refusal refused) => refused.Code switch
    {
        RefusalCode.AccountDisabled => new KratosError(403, "This account was disabled."),
        RefusalCode.ReasonNotAllowed or RefusalCode.MeansNotAvailable => new KratosError(403, refused.Detail),
        _ => KratosErrors.Of(refused),
    };

    private static KratosError? FaultOfId(OrderBody body) =>
        string.IsNullOrEmpty(body.IdentityId) || Guid.TryParseExact(body.IdentityId, "D", out _) ? null : KratosError.Undecodable("identity_id is not a UUID.");

    private static (TimeSpan Lifetime, KratosError? Fault) LifetimeOf(string? asked, TimeSpan usual, string words, Func<GoDuration, string> shown)
    {
        if (string.IsNullOrEmpty(asked))
        {
            return (usual, null);
        }

        if (!GoDuration.TryParse(asked, out var read))
        {
            return (default, new KratosError(400, $"Unable to parse \"expires_in\" as a duration string (e.g. \"1h\", \"1m30s\", \"500ms\"): {Cut(asked)}"));
        }

        // Less than our clock can tell is nothing.
        return read.Nanoseconds > 0 && read.ToTimeSpan() >= TimeSpan.FromMilliseconds(1)
            ? (read.ToTimeSpan(), null)
            : (default, new KratosError(400, $"Value from \"expires_in\" {words} a future time: {Cut(shown(read))}"));
    }

    private static string Cut(string text) => text.Length > 128 ? text[..128] + "…" : text;

    private sealed record OrderBody(string? IdentityId = null, string? ExpiresIn = null, string? FlowType = null);

    private sealed record MadeCode(string RecoveryLink, string RecoveryCode, DateTimeOffset ExpiresAt)
    {
        /// <summary>Shows nothing of what it holds.</summary>
        public override string ToString() => "[code]";
    }

    private sealed record MadeLink(string RecoveryLink, DateTimeOffset ExpiresAt)
    {
        /// <summary>Shows nothing of what it holds.</summary>
        public override string ToString() => "[link]";
    }
}
