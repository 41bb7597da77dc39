using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Recoveries: opened, decided on, issued and cancelled by programmes and people with a token.</summary>
internal static class RecoveriesApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/recoveries").WithTags("recoveries");
        group.MapPost("/", Open).Takes<RecoveryBody>().RequirePermission(Permission.RecoveryRequest)
            .WithSummary("Opens a recovery; with ?evaluate=true only says what policy decides, and why.");
        group.MapGet("/", List).RequirePermission(Permission.RecoveryRead).WithSummary("Lists recoveries, newest first.");
        group.MapGet("/{id}", Read).RequirePermission(Permission.RecoveryRead).WithSummary("Reads a recovery.");
        group.MapPost("/{id}/issue", Issue).TakesNothing().RequirePermission(Permission.RecoveryIssue)
            .WithSummary("Issues the next generation of the secret; the former one dies.");
        group.MapPost("/{id}/reason", AddReason).Takes<ReasonView>().RequirePermission(Permission.RecoveryRequest)
            .WithSummary("Writes the reason down; decisions on the older digest fall.");
        group.MapPost("/{id}/confirmations", Confirm).Takes<ConfirmationBody>().RequirePermission(Permission.RecoveryConfirm)
            .WithSummary("Notes that the person confirms.");
        group.MapPost("/{id}/evidence", GiveEvidence).Takes<EvidenceBody>().RequirePermission(Permission.RecoveryEvidence)
            .WithSummary("Notes that somebody saw proof of who the person is.");
        group.MapPost("/{id}/approvals", Approve).Takes<DecisionBody>().RequirePermission(Permission.RecoveryApprove).WithSummary("Approves.");
        group.MapPost("/{id}/denials", Deny).Takes<DecisionBody>().RequirePermission(Permission.RecoveryApprove).WithSummary("Denies.");
        group.MapPost("/{id}/confirmations/options", ConfirmOptions).Takes<ConfirmationToSign>().RequirePermission(Permission.RecoveryConfirm)
            .WithSummary("What a passkey signs of a confirmation.");
        group.MapPost("/{id}/evidence/options", EvidenceOptions).Takes<EvidenceToSign>().RequirePermission(Permission.RecoveryEvidence)
            .WithSummary("What a passkey signs of evidence.");
        group.MapPost("/{id}/approvals/options", ApproveOptions).Takes<DecisionToSignBody>().RequirePermission(Permission.RecoveryApprove)
            .WithSummary("What a passkey signs of an approval.");
        group.MapPost("/{id}/denials/options", DenyOptions).Takes<DecisionToSignBody>().RequirePermission(Permission.RecoveryApprove)
            .WithSummary("What a passkey signs of a denial.");
        group.MapPost("/{id}/cancel", Cancel).Takes<CancelBody>().RequirePermission(Permission.RecoveryCancel).WithSummary("Ends the recovery.");
    }

    private static async Task<IResult> Open(HttpContext context, OpenRecovery open, Acts acts)
    {
        var body = await StrictBody.Read<RecoveryBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var order = body.Value.ToOrder();
        if (order.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        if (context.Request.Query["evaluate"] == "true")
        {
            var evaluation = await open.Evaluate(context.Caller(), order.Value, context.RequestAborted);
            return evaluation.ToAnswer(e => EvaluationView.Of(e, acts.Now));
        }

        object View(IssuedSecret issued) => RecoveryView.Of(issued, acts.Now);
        var once = Idempotent.Read<IssuedSecret>(context, View, ["secret", "redemption"], StatusCodes.Status201Created);
        if (once.Refusal is { } invalidKey)
        {
            return new Problem(invalidKey);
        }

        var opened = await open.Run(context.Caller(), order.Value, once.Value.Key, context.RequestAborted);
        return opened.ToAnswer(View, StatusCodes.Status201Created);
    }

    private static async Task<IResult> Issue(HttpContext context, IssueRecovery issue, Acts acts)
    {
        if (context.RouteId<RecoveryId>("id") is not { } id)
        {
            return new Problem(RefusalCode.RecoveryNotFound);
        }

        object View(IssuedSecret issued) => RecoveryView.Of(issued, acts.Now);
        var once = Idempotent.Read<IssuedSecret>(context, View, ["secret", "redemption"], StatusCodes.Status201Created);
        return once.Refusal is { } invalidKey
            ? new Problem(invalidKey)
            : (await issue.Run(context.Caller(), id, once.Value.Key, context.RequestAborted)).ToAnswer(View, StatusCodes.Status201Created);
    }

    private static async Task<IResult> Read(HttpContext context, ReadRecoveries read, Acts acts) =>
        context.RouteId<RecoveryId>("id") is { } id
            ? (await read.One(context.Caller(), id, context.RequestAborted)).ToAnswer(r => RecoveryView.Of(r, acts.Now))
            : new Problem(RefusalCode.RecoveryNotFound);

    private static async Task<IResult> List(HttpContext context, ReadRecoveries read, Acts acts)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var (state, account) = (context.Request.Query["state"].ToString(), context.Request.Query["account"].ToString());
        var states = WireName.TryParse<RecoveryState>(state, out var wanted);
        var accounts = Ids.TryParse<AccountId>(account, out var whose);
        if ((state.Length > 0 && !states) || (account.Length > 0 && !accounts))
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, "state is one of the states, account an id."));
        }

        var filter = new RecoveryFilter(accounts ? whose : null, states ? wanted : null, page.Value.After);
        var found = await read.Page(context.Caller(), filter, page.Value.Limit, context.RequestAborted);
        return Answers.Json(new RecoveryPage(
            [.. found.Select(r => RecoveryView.Of(r, acts.Now))],
            found.Count == page.Value.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null));
    }

    private static Task<IResult> AddReason(HttpContext context, DecideOnRecovery decide, Acts acts) =>
        Decide<ReasonView>(context, acts, (id, body) => body.ToReason().FaultAt("") is { } fault
            ? Task.FromResult<Result<Recovery>>(fault)
            : decide.AddReason(context.Caller(), id, body.ToReason(), context.RequestAborted));

    private static Task<IResult> Confirm(HttpContext context, DecideOnRecovery decide, Acts acts) =>
        Decide<ConfirmationBody>(
            context, acts, b => Given(b.Digest, b.Comment, b.RequestKey, b.Assertion),
            (id, body, given) => decide.Confirm(context.Caller(), id, given, body.Over, context.RequestAborted));

    private static Task<IResult> GiveEvidence(HttpContext context, DecideOnRecovery decide, Acts acts) =>
        Decide<EvidenceBody>(
            context, acts, b => Given(b.Digest, b.Comment, b.RequestKey, b.Assertion),
            (id, body, given) => decide.GiveEvidence(context.Caller(), id, given, body.Kind, context.RequestAborted));

    private static Task<IResult> Approve(HttpContext context, DecideOnRecovery decide, Acts acts) =>
        Decide<DecisionBody>(
            context, acts, b => Given(b.Digest, b.Comment, b.RequestKey, b.Assertion),
            (id, _, given) => decide.Approve(context.Caller(), id, given, context.RequestAborted));

    private static Task<IResult> Deny(HttpContext context, DecideOnRecovery decide, Acts acts) =>
        Decide<DecisionBody>(
            context, acts, b => Given(b.Digest, b.Comment, b.RequestKey, b.Assertion),
            (id, _, given) => decide.Deny(context.Caller(), id, given, context.RequestAborted));

    private static Task<IResult> ConfirmOptions(HttpContext context, SignDecisions sign) => Options<ConfirmationToSign>(
        context, sign, b => new DecisionToSign(DecisionKind.Confirmation, new GivenDecision(b.Digest) { Comment = b.Comment }, b.Over));

    private static Task<IResult> EvidenceOptions(HttpContext context, SignDecisions sign) => Options<EvidenceToSign>(
        context, sign, b => new DecisionToSign(DecisionKind.Evidence, new GivenDecision(b.Digest) { Comment = b.Comment }, b.Kind));

    private static Task<IResult> ApproveOptions(HttpContext context, SignDecisions sign) => Options<DecisionToSignBody>(
        context, sign, b => new DecisionToSign(DecisionKind.Approval, new GivenDecision(b.Digest) { Comment = b.Comment }));

    private static Task<IResult> DenyOptions(HttpContext context, SignDecisions sign) => Options<DecisionToSignBody>(
        context, sign, b => new DecisionToSign(DecisionKind.Denial, new GivenDecision(b.Digest) { Comment = b.Comment }));

    private static Task<IResult> Options<TBody>(HttpContext context, SignDecisions sign, Func<TBody, DecisionToSign> decision)
        where TBody : class =>
        OnRecovery<TBody>(context, async (id, body) =>
            (await sign.Begin(context.Caller(), id, decision(body), context.RequestAborted)).ToAnswer(PasskeyJson.Options));

    private static Result<GivenDecision> Given(string digest, string? comment, string? requestKey, JsonElement? assertion)
    {
        var given = new GivenDecision(digest) { Comment = comment, RequestKey = requestKey };
        if (assertion is not { } proved)
        {
            return given;
        }

        var proof = PasskeyJson.ReadProof(proved, "/assertion");
        return proof.Refusal is { } malformed ? malformed : given with { Assertion = proof.Value };
    }

    private static Task<IResult> Cancel(HttpContext context, DecideOnRecovery decide, Acts acts) =>
        Decide<CancelBody>(context, acts, (id, body) => Texts.IsTooLong(body.Reason)
            ? Task.FromResult<Result<Recovery>>(Texts.TooLong("/reason"))
            : decide.Cancel(context.Caller(), id, body.Reason, context.RequestAborted));

    private static Task<IResult> Decide<TBody>(
        HttpContext context, Acts acts, Func<RecoveryId, TBody, Task<Result<Recovery>>> decide)
        where TBody : class =>
        OnRecovery<TBody>(context, async (id, body) => (await decide(id, body)).ToAnswer(r => RecoveryView.Of(r, acts.Now)));

    private static async Task<IResult> OnRecovery<TBody>(HttpContext context, Func<RecoveryId, TBody, Task<IResult>> answer)
        where TBody : class
    {
        if (context.RouteId<RecoveryId>("id") is not { } id)
        {
            return new Problem(RefusalCode.RecoveryNotFound);
        }

        var body = await StrictBody.Read<TBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal) : await answer(id, body.Value);
    }

    private static Task<IResult> Decide<TBody>(
        HttpContext context, Acts acts, Func<TBody, Result<GivenDecision>> read, Func<RecoveryId, TBody, GivenDecision, Task<Result<Recovery>>> decide)
        where TBody : class =>
        Decide<TBody>(context, acts, (id, body) =>
        {
            var given = read(body);
            return given.Refusal is { } malformed ? Task.FromResult<Result<Recovery>>(malformed) : decide(id, body, given.Value);
        });

    private sealed record RecoveryPage(IReadOnlyList<RecoveryView> Recoveries, string? Cursor);

    private sealed record DecisionBody(
        string Digest, [property: FreeText] string? Comment = null, JsonElement? Assertion = null, string? RequestKey = null);

    private sealed record DecisionToSignBody(string Digest, [property: FreeText] string? Comment = null);

    private sealed record ConfirmationBody(
        string Digest, string? Over = null, [property: FreeText] string? Comment = null, JsonElement? Assertion = null, string? RequestKey = null);

    private sealed record ConfirmationToSign(string Digest, string? Over = null, [property: FreeText] string? Comment = null);

    private sealed record EvidenceBody(
        string Digest, string Kind, [property: FreeText] string? Comment = null, JsonElement? Assertion = null, string? RequestKey = null);

    private sealed record EvidenceToSign(string Digest, string Kind, [property: FreeText] string? Comment = null);

    private sealed record CancelBody([property: FreeText] string? Reason = null);
}

/// <summary>Whose account, by exactly one of the three.</summary>
internal sealed record AccountNameBody(string? Id = null, string? Email = null, string? Username = null)
{
    /// <summary>The name to look up.</summary>
    public Result<AccountName> ToName()
    {
        var given = new[] { Id, Email, Username }.Count(n => n is not null);
        if (given != 1)
        {
            return Wrong("/account", "Exactly one of id, email and username.");
        }

        if (Id is null)
        {
            return new AccountName(null, Email ?? Username);
        }

        return Ids.TryParse<AccountId>(Id, out var id) ? new AccountName(id, null) : Wrong("/account/id", "An id is a UUID.");
    }

    private static Refusal Wrong(string pointer, string detail) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, detail)] };
}

/// <summary>What a caller asks for.</summary>
internal sealed record RecoveryBody(
    AccountNameBody Account,
    Means Means,
    ApplicationId? Application = null,
    CodeFormat? CodeFormat = null,
    int? Digits = null,
    Channel Channel = Channel.Return,
    string? ExpiresIn = null,
    DateTimeOffset? NotBefore = null,
    ReasonView? Reason = null,
    IReadOnlyList<Revocation>? Revoke = null,
    string? RecoveryKey = null,
    RiskBody? Risk = null)
{
    /// <summary>The order, or every fault of the body.</summary>
    public Result<RecoveryOrder> ToOrder()
    {
        var faults = new List<FieldFault>();
        var name = Account.ToName();
        faults.AddRange(name.Refusal?.Faults ?? []);
        TimeSpan? lifetime = null;
        if (ExpiresIn is not null)
        {
            if (Duration.TryParse(ExpiresIn, out var span))
            {
                lifetime = span;
            }
            else
            {
                faults.Add(new FieldFault("/expires_in", "A whole number and s, m, h or d, for example 12h."));
            }
        }

        if (Digits is < 6 or > 10 || (Digits is not null && (Means != Means.Code || CodeFormat is not (null or Core.Secrets.CodeFormat.Digits))))
        {
            faults.Add(new FieldFault("/digits", "6 to 10, for a code of digits."));
        }

        if (CodeFormat is not null && Means != Means.Code)
        {
            faults.Add(new FieldFault("/code_format", "Only a code has a format."));
        }

        if (RecoveryKey is not null && (Means != Means.RecoveryKey || RecoveryKey.Length is 0 or > SigningPublicKey.LongestName))
        {
            faults.Add(new FieldFault("/recovery_key", "The name of a recovery key, for the means recovery_key."));
        }

        if (Reason?.ToReason().FaultAt("/reason") is { } fault)
        {
            faults.AddRange(fault.Faults);
        }

        return faults.Count > 0
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
            : new RecoveryOrder(name.Value, Means)
            {
                Application = Application,
                CodeFormat = CodeFormat,
                Digits = Digits,
                Channel = Channel,
                Lifetime = lifetime,
                NotBefore = NotBefore,
                Reason = Reason?.ToReason(),
                Risk = Risk is null ? null : new Risk(Risk.Score, [.. Risk.Signs ?? []]),
                Revoke = Revoke,
                RecoveryKey = RecoveryKey,
            };
    }
}

/// <summary>How long texts of people may be.</summary>
internal static class Texts
{
    private const int LongestText = 1000;

    /// <summary>Whether a free text is too long.</summary>
    /// <param name="text">The text.</param>
    public static bool IsTooLong(string? text) => text?.Length > LongestText;

    /// <summary>The refusal of a text that is too long.</summary>
    /// <param name="pointer">Where it stands.</param>
    public static Refusal TooLong(string pointer) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, $"At most {LongestText} characters.")] };
}

/// <summary>What policy would decide.</summary>
internal sealed record EvaluationView(
    bool Allowed, string? Refusal, string? Detail, IReadOnlyList<string> Rules, IReadOnlyList<RequirementView> Requirements,
    string LongestLifetime, int PolicyVersion)
{
    public static EvaluationView Of(Evaluation evaluation, DateTimeOffset now) => new(
        evaluation.Allowed,
        evaluation.Refusal is { } refusal ? WireName.Of(refusal.Code) : null,
        evaluation.Refusal?.Detail,
        evaluation.Answer.Rules,
        [.. evaluation.Answer.Requirements.Select(r => RequirementView.Of(r, now))],
        Duration.Format(evaluation.Answer.LongestLifetime),
        evaluation.PolicyVersion);
}

/// <summary>What the caller says of the risk it sees.</summary>
internal sealed record RiskBody(int? Score = null, IReadOnlyList<string>? Signs = null);
