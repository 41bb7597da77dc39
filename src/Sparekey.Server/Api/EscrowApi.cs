using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Escrow: its policy, who is enrolled, rotations of the organisation key, drills.</summary>
internal static class EscrowApi
{
    private const int KeyLimit = 600 * 1024;
    private const int PolicyLimit = 64 * 1024 * 1024;
    private const int MessageLimit = 1100 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/escrow").WithTags("escrow");
        group.MapGet("/", Status).RequirePermission(Permission.EscrowManage).WithSummary("How escrow stands as a whole.");
        group.MapGet("/policy", ReadPolicy).RequirePermission(Permission.EscrowManage).WithSummary("The policy of escrow and its key.");
        group.MapPut("/policy", PutPolicy).Takes<EscrowPolicyBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Enables escrow, changes its mode, puts another key in force with every message that it needs, or disables it.");
        group.MapPost("/disable", Disable).Takes<EscrowDisableBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Disables escrow. For a while that can be undone.");
        group.MapPost("/undo", Undo).Takes<EscrowUndoBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Brings back what was there before escrow was disabled.");
        group.MapGet("/keys", Keys).RequirePermission(Permission.EscrowManage).WithSummary("Every organisation key there was, oldest first.");
        group.MapGet("/enrolments", List).RequirePermission(Permission.EscrowManage).WithSummary("Lists what people said, oldest first.");
        group.MapGet("/enrolments/{accountId}", Find).RequirePermission(Permission.EscrowManage).WithSummary("What one person said.");
        group.MapDelete("/enrolments/{accountId}", Remove).RequirePermission(Permission.EscrowManage)
            .WithSummary("Ends a person's enrolment, as if they had said nothing.");
        group.MapPost("/rotation", StartRotation).Takes<RotationBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Begins to rotate the organisation key, or says how far that is.");
        group.MapGet("/rotation", ReadRotation).RequirePermission(Permission.EscrowManage).WithSummary("The rotation that goes on, or the last one.");
        group.MapDelete("/rotation/{id}", CancelRotation).RequirePermission(Permission.EscrowManage).WithSummary("Gives a rotation up.");
        group.MapGet("/rotation/{id}/messages", Tasks).RequirePermission(Permission.EscrowManage)
            .WithSummary("Messages that are still to be encrypted to the next key.");
        group.MapPut("/rotation/{id}/messages/{messageId}", Stage).Takes<RotationMessageBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Takes one message to the next key.");
        group.MapPost("/rotation/{id}/finish", FinishRotation).Takes<RotationFinishBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Puts the next key in force, unless a message is missing.");
        group.MapPost("/drills", StartDrill).TakesNothing().RequirePermission(Permission.EscrowManage)
            .WithSummary("Makes a test escrow for whoever holds the organisation key to open.");
        group.MapGet("/drills", ListDrills).RequirePermission(Permission.EscrowManage).WithSummary("The last drills, newest first.");
        group.MapPost("/drills/{id}/answer", AnswerDrill).Takes<DrillAnswerBody>().RequirePermission(Permission.EscrowManage)
            .WithSummary("Takes what the test escrow held.");
    }

    /// <summary>Everything at a glance.</summary>
    private static async Task<IResult> Status(HttpContext context, ReadEscrowStatus read) =>
        (await read.Run(context.Caller(), context.RequestAborted)).ToAnswer(s => new StatusView(
            EscrowPolicyView.Of(s.Policy), s.Coverage, s.IsKeyHeld, s.OpenPgpVersion, s.Rotation is { } rotation ? RotationView.Of(rotation) : null,
            s.LastDrill is { } drill ? DrillView.Of(drill) : null));

    /// <summary>The policy.</summary>
    private static async Task<IResult> ReadPolicy(HttpContext context, ReadEscrowPolicy read) =>
        Answers.Json(EscrowPolicyView.Of(await read.Run(context.Caller(), context.RequestAborted)));

    /// <summary>
    /// Changes it. Refused: <c>invalid_request</c> and <c>openpgp_refused</c> with every fault and its rule, <c>openpgp_unavailable</c>,
    /// <c>rotation_running</c>, <c>above_ceiling</c>, <c>version_conflict</c>.
    /// </summary>
    private static async Task<IResult> PutPolicy(HttpContext context, ChangeEscrowPolicy change)
    {
        var body = await StrictBody.Read<EscrowPolicyBody>(context, PolicyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await change.Run(context.Caller(), body.Value.Read(), context.RequestAborted)).ToAnswer(EscrowPolicyView.Of);
    }

    /// <summary>Disables escrow. Refused: as to change it; <c>invalid_request</c> where it is disabled.</summary>
    private static async Task<IResult> Disable(HttpContext context, ChangeEscrowPolicy change)
    {
        var body = await StrictBody.Read<EscrowDisableBody>(context, KeyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await change.Run(
                context.Caller(),
                new EscrowPolicyChange(EscrowMode.Disabled) { RevokedKey = body.Value.RevokedKey?.Read(), WithoutRevocation = body.Value.RevokedKey is null },
                context.RequestAborted)).ToAnswer(EscrowPolicyView.Of);
    }

    /// <summary>Undoes that. Refused: <c>wrong_state</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Undo(HttpContext context, ChangeEscrowPolicy change)
    {
        var body = await StrictBody.Read<EscrowUndoBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await change.Undo(context.Caller(), body.Value.PolicyId, context.RequestAborted)).ToAnswer(EscrowPolicyView.Of);
    }

    /// <summary>Every organisation key there was.</summary>
    private static async Task<IResult> Keys(HttpContext context, ReadEscrowStatus read) =>
        (await read.Keys(context.Caller(), context.RequestAborted)).ToAnswer(all => new KeysView([.. all.Select(EscrowKeyView.Of)]));

    /// <summary>A page of enrolments. Refused: <c>invalid_cursor</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> List(HttpContext context, ReadEnrolments read)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var (status, stale) = (context.Request.Query["status"].ToString(), context.Request.Query["stale"].ToString());
        var known = WireName.TryParse<EnrolmentStatus>(status, out var wanted);
        if ((status.Length > 0 && !known) || stale is not ("" or "true" or "false"))
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, "status is approved or rejected, stale is true or false."));
        }

        var filter = new EnrolmentFilter
        {
            Status = known ? wanted : null,
            StaleOnly = stale == "true",
            After = page.Value.After is { } after ? (DateTimeOffset.FromUnixTimeMilliseconds(after.At), EnrolmentId.From(after.Id)) : null,
            Limit = page.Value.Limit,
        };
        return (await read.List(context.Caller(), filter, context.RequestAborted)).ToAnswer(found => new EnrolmentPage(
            [.. found.Select(EnrolmentView.Of)], found.Length == filter.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null));
    }

    /// <summary>What one person said. Refused: <c>enrolment_not_found</c>.</summary>
    private static async Task<IResult> Find(HttpContext context, ReadEnrolments read) =>
        context.RouteId<AccountId>("accountId") is { } account && await read.Find(context.Caller(), account, context.RequestAborted) is { } found
            ? Answers.Json(EnrolmentView.Of(found))
            : new Problem(RefusalCode.EnrolmentNotFound);

    /// <summary>Ends an enrolment. Refused: <c>account_not_found</c>, <c>enrolment_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Remove(HttpContext context, EnrolInEscrow enrol) =>
        context.RouteId<AccountId>("accountId") is { } account
            ? (await enrol.Remove(context.Caller(), account, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.AccountNotFound);

    /// <summary>
    /// Begins a rotation. Refused: <c>openpgp_refused</c>, <c>invalid_request</c>, <c>openpgp_unavailable</c>, <c>escrow_disabled</c>,
    /// <c>rotation_running</c>, <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> StartRotation(HttpContext context, RotateEscrow rotate)
    {
        var body = await StrictBody.Read<RotationBody>(context, KeyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await rotate.Start(context.Caller(), body.Value.NewKey.Read(), context.RequestAborted)).ToAnswer(RotationView.Of);
    }

    /// <summary>The rotation. Refused: <c>rotation_not_found</c>.</summary>
    private static async Task<IResult> ReadRotation(HttpContext context, RotateEscrow rotate) =>
        (await rotate.Read(context.Caller(), context.RequestAborted)).ToAnswer(RotationView.Of);

    /// <summary>Gives it up. Refused: <c>rotation_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> CancelRotation(HttpContext context, RotateEscrow rotate) =>
        context.RouteId<RotationId>("id") is { } id
            ? (await rotate.Cancel(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.RotationNotFound);

    /// <summary>What is still to be done. Refused: <c>rotation_not_found</c>, <c>above_ceiling</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> Tasks(HttpContext context, RotateEscrow rotate)
    {
        var page = Cursor.Read(context);
        var text = context.Request.Query["after"].ToString();
        var after = Ids.TryParse<PrivateKeyId>(text, out var id);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        return text.Length > 0 && !after ? new Problem(new Refusal(RefusalCode.InvalidRequest, "after is the private_key_id of the last message."))
            : context.RouteId<RotationId>("id") is { } rotation
                ? (await rotate.Tasks(context.Caller(), rotation, after ? id : null, page.Value.Limit, context.RequestAborted)).ToAnswer(PartView.Of)
            : new Problem(RefusalCode.RotationNotFound);
    }

    /// <summary>
    /// Takes a message. Refused: <c>openpgp_refused</c>, <c>rotation_not_found</c>, <c>enrolment_not_found</c> where the escrow is gone,
    /// <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> Stage(HttpContext context, RotateEscrow rotate)
    {
        var body = await StrictBody.Read<RotationMessageBody>(context, MessageLimit);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<RotationId>("id") is not { } rotation ? new Problem(RefusalCode.RotationNotFound)
            : context.RouteId<EscrowPasswordId>("messageId") is { } former
                ? (await rotate.Stage(context.Caller(), rotation, former, body.Value.Data, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.EnrolmentNotFound);
    }

    /// <summary>
    /// Makes the switch. Refused: <c>rotation_unfinished</c>, <c>openpgp_refused</c>, <c>invalid_request</c>, <c>rotation_not_found</c>,
    /// <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> FinishRotation(HttpContext context, RotateEscrow rotate)
    {
        var body = await StrictBody.Read<RotationFinishBody>(context, KeyLimit);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<RotationId>("id") is { } id
                ? (await rotate.Finish(context.Caller(), id, body.Value.RevokedKey.Read(), body.Value.Mode, context.RequestAborted)).ToAnswer(EscrowPolicyView.Of)
            : new Problem(RefusalCode.RotationNotFound);
    }

    /// <summary>Begins a drill. Refused: <c>escrow_disabled</c>, <c>openpgp_unavailable</c>, <c>above_ceiling</c>, <c>version_conflict</c>.</summary>
    private static async Task<IResult> StartDrill(HttpContext context, DrillEscrow drill) =>
        (await drill.Start(context.Caller(), context.RequestAborted)).ToAnswer(
            s => new StartedDrillView(DrillView.Of(s.Drill), s.Fingerprint, s.Escrow.Password, s.Escrow.Blob), StatusCodes.Status201Created);

    /// <summary>The last drills.</summary>
    private static async Task<IResult> ListDrills(HttpContext context, DrillEscrow drill)
    {
        var page = Cursor.Read(context);
        return page.Refusal is { } refusal
            ? new Problem(refusal)
            : (await drill.List(context.Caller(), page.Value.Limit, context.RequestAborted)).ToAnswer(all => new DrillsView([.. all.Select(DrillView.Of)]));
    }

    /// <summary>Ends a drill. Refused: <c>drill_failed</c>, <c>drill_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> AnswerDrill(HttpContext context, DrillEscrow drill)
    {
        var body = await StrictBody.Read<DrillAnswerBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<DrillId>("id") is { } id
                ? (await drill.Answer(context.Caller(), id, body.Value.Proof, context.RequestAborted)).ToAnswer(DrillView.Of)
            : new Problem(RefusalCode.DrillNotFound);
    }

    private sealed record StatusView(
        EscrowPolicyView Policy, EscrowCoverage Coverage, bool KeyHeld, string? OpenpgpVersion, RotationView? Rotation, DrillView? LastDrill);

    private sealed record KeysView(IReadOnlyList<EscrowKeyView> Keys);

    private sealed record EnrolmentPage(IReadOnlyList<EnrolmentView> Enrolments, string? Cursor);

    private sealed record DrillsView(IReadOnlyList<DrillView> Drills);

    private sealed record StartedDrillView(DrillView Drill, string Fingerprint, string Password, string Blob);

    private sealed record TaskView(
        EscrowPasswordId Id, PrivateKeyId PrivateKeyId, AccountId AccountId, string Fingerprint, string? PersonKey, string Data)
    {
        public static TaskView Of(RotationTask t) => new(
            t.Password.Id, t.Password.PrivateKey, t.Password.Account, t.Fingerprint, t.PersonKey, t.Password.Armored);
    }

    private sealed record PartView(
        RotationView Rotation, IReadOnlyList<TaskView> Messages, IReadOnlyList<string> OrganisationKeys, IReadOnlyList<string> Domains)
    {
        public static PartView Of(RotationPart p) => new(RotationView.Of(p.Rotation), [.. p.Tasks.Select(TaskView.Of)], p.OrganisationKeys, p.Domains);
    }
}
