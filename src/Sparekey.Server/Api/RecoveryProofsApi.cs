using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>A person's second, different proof for a recovery of theirs: by what they still hold, or by having signed in with it.</summary>
internal static class RecoveryProofsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        const string why = "Whoever is locked out has no session; the proof in the body is the person's own.";
        var proofs = v1.MapGroup("/recoveries/{id}/proofs").WithTags("person");
        proofs.MapPost("/", Prove).Takes<ProofBody>().Public(why).CheckOrigin().AnswerOnTheBeat()
            .WithSummary("Proves oneself in a second way: by a saved code, a passkey, or the password.");
        proofs.MapPost("/options", Options).TakesNothing().Public(why).CheckOrigin().AnswerOnTheBeat()
            .WithSummary("What the browser is to prove, for navigator.credentials.get().");
        v1.MapPost("/sessions/current/recoveries/{id}/proofs", ProveBySession).TakesNothing().RequireSession().WithTags("person")
            .WithSummary("Proves oneself in a second way by having just signed in.");
    }

    /// <summary>Takes a proof. Refused: <c>secret_invalid</c> (401) whatever was wrong, <c>too_many_requests</c>, <c>busy</c>.</summary>
    private static async Task<IResult> Prove(HttpContext context, ProveRecovery prove, Acts acts)
    {
        var body = await StrictBody.Read<ProofBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var proof = body.Value.ToProof();
        return proof.Refusal is { } wrong ? new Problem(wrong)
            : context.RouteId<RecoveryId>("id") is not { } id ? new Problem(RefusalCode.SecretInvalid)
            : (await prove.Run(context.Visitor(), id, proof.Value, context.RequestAborted)).ToAnswer(r => ProvedView.Of(r, acts.Now));
    }

    /// <summary>Options to prove a passkey. Refused: <c>means_not_available</c>.</summary>
    private static async Task<IResult> Options(HttpContext context, ProveRecovery prove) =>
        context.RouteId<RecoveryId>("id") is { } id
            ? (await prove.Begin(context.Visitor(), id, context.RequestAborted)).ToAnswer(PasskeyJson.Options)
            : new Problem(RefusalCode.RecoveryNotFound);

    /// <summary>Takes the session. Refused: <c>fresh_sign_in_required</c>, <c>recovery_not_found</c>, <c>means_not_available</c>, <c>not_required</c>.</summary>
    private static async Task<IResult> ProveBySession(HttpContext context, ProveRecovery prove, Acts acts) =>
        context.RouteId<RecoveryId>("id") is { } id
            ? (await prove.Run(context.SessionCaller(), id, context.RequestAborted)).ToAnswer(r => ProvedView.Of(r, acts.Now))
            : new Problem(RefusalCode.RecoveryNotFound);

    private sealed record ProofBody(
        SecretText? SavedCode = null, SecretText? Password = null, System.Text.Json.JsonElement? Passkey = null)
    {
        public Result<PresentedProof> ToProof()
        {
            if (new[] { SavedCode is not null, Password is not null, Passkey is not null }.Count(g => g) != 1)
            {
                return new Refusal(RefusalCode.InvalidRequest)
                {
                    Faults = [new FieldFault("", "Exactly one of saved_code, passkey and password.")],
                };
            }

            if (Passkey is { } credential)
            {
                var read = PasskeyJson.ReadProof(credential);
                return read.Refusal is { } malformed ? malformed : new PresentedProof.Passkey(read.Value);
            }

            return SavedCode is not null ? new PresentedProof.SavedCode(SavedCode) : new PresentedProof.Password(Password!);
        }
    }

    // Who asked and why stays inside: whoever holds a stray number learns no more than that it goes on.
    private sealed record ProvedView(RecoveryId RecoveryId, RecoveryState State, AssuranceLevel Assurance, IReadOnlyList<RequirementKind> Open)
    {
        public static ProvedView Of(Recovery recovery, DateTimeOffset now) => new(
            recovery.Id, recovery.State, RecoveryAssurance.Of(recovery),
            [.. recovery.Requirements.Where(r => !r.IsMet(now)).Select(r => r.Kind).Distinct()]);
    }
}
