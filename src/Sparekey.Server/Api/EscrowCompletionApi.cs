using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The end of recoveries with the means <c>escrow</c>: the answer comes with the call, or the keys for it do, or the server has them.</summary>
internal static class EscrowCompletionApi
{
    /// <summary>The largest body: two armored keys, or an answer.</summary>
    public const int BodyLimit = 512 * 1024;

    private const string Answer = "answer";
    private const string Key = "key";
    private const string Passphrase = "passphrase";
    private const string ReviewerKey = "reviewer_key";
    private const string ReviewerPassphrase = "reviewer_passphrase";
    private const string RequestKey = "request_key";

    private static readonly string[] Secrets = [Key, Passphrase, ReviewerKey, ReviewerPassphrase];

    /// <summary>What the body of a completion may have.</summary>
    public static IReadOnlyList<string> Members { get; } = [Answer, RequestKey, .. Secrets];

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/recoveries").WithTags("recoveries");
        group.MapPost("/{id}/complete", Complete).Takes<CompletionBody>().RequirePermission(Permission.RecoveryComplete)
            .WithSummary("Completes a recovery whose means is escrow: with an answer, with the keys to make it, or with the server's own.");
        group.MapGet("/{id}/escrow", Task).RequirePermission(Permission.RecoveryComplete)
            .WithSummary("What is needed to answer an escrow recovery where the organisation's key is.");
    }

    private static async Task<IResult> Complete(HttpContext context, CompleteEscrow complete, Acts acts)
    {
        if (context.RouteId<RecoveryId>("id") is not { } id)
        {
            return new Problem(RefusalCode.RecoveryNotFound);
        }

        var read = await SecretBody.Read(context, BodyLimit, Members);
        if (read.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        using var body = read.Value;
        if (FaultOf(body) is { } fault)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest) { Faults = [fault] });
        }

        if (body.Has(RequestKey)
            && await complete.FaultOfRequestKey(context.Caller(), id, body.Text(RequestKey), context.RequestAborted) is { } another)
        {
            return new Problem(another);
        }

        var completed = body.Has(Answer)
            ? await complete.WithAnswer(context.Caller(), id, body.Text(Answer), context.RequestAborted)
            : await complete.Run(
                context.Caller(), id,
                new EscrowKeyMaterial(body[Key], body[Passphrase], body[ReviewerKey], body[ReviewerPassphrase]), context.RequestAborted);
        return completed.ToAnswer((Recovery r) => RecoveryView.Of(r, acts.Now));
    }

    /// <summary>What is wrong with a body that was read; null when nothing is.</summary>
    /// <param name="body">The body.</param>
    public static FieldFault? FaultOf(SecretBody body)
    {
        if (body.Has(Answer))
        {
            return Array.Find(Secrets, body.Has) is { } more
                ? new FieldFault($"/{more}", "With an answer no keys are needed.")
                : body[Answer].IsEmpty ? new FieldFault($"/{Answer}", "It is empty.") : null;
        }

        return body.Has(Key) && body[Key].IsEmpty ? new FieldFault($"/{Key}", "It is empty.")
            : !body.Has(Key) && Array.Find(Secrets, body.Has) is { } alone ? new FieldFault($"/{alone}", "It comes with a key.")
            : body.Has(ReviewerPassphrase) && body[ReviewerKey].IsEmpty ? new FieldFault($"/{ReviewerPassphrase}", "It comes with a reviewer_key.")
            : null;
    }

    private static async Task<IResult> Task(HttpContext context, CompleteEscrow complete, Acts acts) =>
        context.RouteId<RecoveryId>("id") is { } id
            ? (await complete.Task(context.Caller(), id, context.RequestAborted)).ToAnswer(EscrowTaskView.Of)
            : new Problem(RefusalCode.RecoveryNotFound);

    // Read by SecretBody, never into this: it says what the body looks like.
    private sealed record CompletionBody(
        string? Answer = null, string? RequestKey = null, string? Key = null, string? Passphrase = null, string? ReviewerKey = null,
        string? ReviewerPassphrase = null);
}

/// <summary>What is needed to answer, as it stands on the wire.</summary>
internal sealed record EscrowTaskView(
    RecoveryId Recovery, string RequestKey, string Fingerprint, WrappedSecretView Password, IReadOnlyList<string> Domains, Guid UserId,
    string PersonFingerprint, IReadOnlyList<string> Signers, Guid ResponderKeyId)
{
    public static EscrowTaskView Of(EscrowTask task) => new(
        task.Recovery, task.RequestKey, task.Fingerprint,
        new WrappedSecretView(
            task.Password.Id, task.Password.PrivateKey, task.Password.Recipient, task.Password.Data, task.Password.CreatedAt, task.Password.ModifiedAt,
            task.Password.CreatedBy),
        task.Domains, task.UserId, task.PersonFingerprint, task.Signers, task.ResponderKey);

    public EscrowTask ToTask() => new(
        Recovery, RequestKey, Fingerprint,
        new WrappedSecret(
            Password.Id, Password.PrivateKeyId, Password.Recipient, Password.Data, Password.CreatedAt, Password.ModifiedAt, Password.CreatedBy),
        Domains, UserId, PersonFingerprint, Signers, ResponderKeyId);
}

/// <summary>A wrapped secret as it stands on the wire.</summary>
internal sealed record WrappedSecretView(
    Guid Id, Guid PrivateKeyId, string Recipient, string Data, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt, string CreatedBy);
