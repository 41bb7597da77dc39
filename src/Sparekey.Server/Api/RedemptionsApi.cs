using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Tokens;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>What the person does: ask, redeem, set a password. Unknown, wrong, used and expired look alike.</summary>
internal static class RedemptionsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        v1.MapPost("/recovery-requests", Ask).Takes<AskBody>().Public("Whoever is locked out has nothing to prove themselves with.")
            .CheckOrigin().AnswerOnTheBeat().WithTags("person").WithSummary("Asks for one's own recovery; the answer is the same for unknown names.");
        v1.MapPost("/redemptions", Redeem).Takes<RedeemBody>().Public("The secret in the body is the proof.")
            .CheckOrigin().AnswerOnTheBeat().WithTags("person").WithSummary("Redeems a link, a reset token or a code.");
        v1.MapPost("/repudiations", Repudiate).Takes<RepudiateBody>().Public("The token in the body is the proof.")
            .CheckOrigin().AnswerOnTheBeat().WithTags("person").WithSummary("Says \"this was not me\" with the token of a notice.");
        v1.MapPost("/repudiations/freeze", Freeze).Takes<RepudiateBody>().Public("The token in the body is the proof.")
            .CheckOrigin().AnswerOnTheBeat().WithTags("person").WithSummary("Freezes the account with the token of a notice.");
        var redemption = v1.MapGroup("/redemption").WithTags("person");
        redemption.MapGet("/", Read).RequireRedemption().WithSummary("What the redemption is for.");
        redemption.MapPost("/passkey/options", PasskeyOptions).TakesNothing().RequireRedemption()
            .WithSummary("What the browser is to make, for navigator.credentials.create().");
        redemption.MapPost("/passkey", SetPasskey).Takes<PasskeyBody>().RequireRedemption()
            .WithSummary("Registers the new passkey and completes the recovery.");
        redemption.MapPost("/recovery-key", RecoverWithKey).Takes<RecoveryKeyBody>().RequireRedemption()
            .WithSummary("Binds the new credentials that the recovery key signed, and completes the recovery.");
        redemption.MapPut("/password", SetPassword).Takes<PasswordBody>().RequireRedemption().WithSummary("Sets the new password and completes the recovery.");
    }

    /// <summary>Maps the published keys.</summary>
    /// <param name="root">The root.</param>
    public static void MapKeys(IEndpointRouteBuilder root) =>
        root.MapGet("/.well-known/jwks.json", async (HttpContext context, SigningKeys keys) =>
                Answers.Json(new KeySet(await keys.Published(context.Visitor().Tenant, context.RequestAborted))))
            .Public("Public keys are for everybody.").WithTags("person").WithSummary("The keys that sign proofs.");

    private static async Task<IResult> Ask(HttpContext context, RequestRecovery request)
    {
        var body = await StrictBody.Read<AskBody>(context, 4096);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await request.Run(context.Visitor(), body.Value.Identifier, context.RequestAborted)).ToAnswer(StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> Redeem(HttpContext context, RedeemSecret redeem)
    {
        var body = await StrictBody.Read<RedeemBody>(context, 4096);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var presented = body.Value.ToPresented();
        return presented.Refusal is { } wrong
            ? new Problem(wrong)
            : (await redeem.Run(context.Visitor(), presented.Value, context.RequestAborted)).ToAnswer(
                opened => new OpenedView(
                    opened.Token.Reveal(), opened.ExpiresAt, opened.View.Allowed, new MaskedView(Mask(opened.View.Account))),
                StatusCodes.Status201Created);
    }

    private static async Task<IResult> Repudiate(HttpContext context, RepudiateRecovery repudiate)
    {
        var body = await StrictBody.Read<RepudiateBody>(context, 4096);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await repudiate.Run(context.Visitor(), body.Value.Token, context.RequestAborted)).ToAnswer(
                done => new RepudiatedView(
                    done.Recovery, done.State, done.State == RecoveryState.Completed, done.SessionsEnded, done.MayFreeze, done.IsFrozen));
    }

    private static async Task<IResult> Freeze(HttpContext context, FreezeAccount freeze)
    {
        var body = await StrictBody.Read<RepudiateBody>(context, 4096);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await freeze.ByPerson(context.Visitor(), body.Value.Token, context.RequestAborted)).ToAnswer(
                done => new FrozenView(Frozen: true, done.At));
    }

    private static async Task<IResult> Read(HttpContext context, ReadRedemption read) =>
        (await read.Run(context.Visitor(), context.BearerToken(), context.RequestAborted)).ToAnswer(view => new RedemptionInfo(
            view.ExpiresAt, view.Allowed, new MaskedView(Mask(view.Account)), view.Recovery.Id, view.Recovery.Request.Application,
            view.Recovery.CreatedAt, view.Recovery.RequestedBy.Kind, view.Recovery.Request.Revoke));

    private static async Task<IResult> SetPassword(HttpContext context, SetNewPassword set)
    {
        var body = await StrictBody.Read<PasswordBody>(context, 8192);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await set.Run(context.Visitor(), context.BearerToken(), body.Value.NewPassword, context.RequestAborted))
                .ToAnswer(Completed);
    }

    private static async Task<IResult> PasskeyOptions(HttpContext context, SetNewPasskey set) =>
        (await set.Begin(context.Visitor(), context.BearerToken(), context.RequestAborted)).ToAnswer(PasskeyJson.Options);

    private static async Task<IResult> SetPasskey(HttpContext context, SetNewPasskey set)
    {
        var body = await StrictBody.Read<PasskeyBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var made = PasskeyJson.ReadNew(body.Value.Credential);
        return made.Refusal is { } malformed
            ? new Problem(malformed)
            : (await set.Run(context.Visitor(), context.BearerToken(), made.Value, body.Value.Name, context.RequestAborted))
                .ToAnswer(done => Completed(done.Completed) with { Signal = PasskeyJson.Signal(done.Signal) });
    }

    private static async Task<IResult> RecoverWithKey(HttpContext context, RecoverWithKey recover)
    {
        var body = await StrictBody.Read<RecoveryKeyBody>(context, RecoveryKeyJson.BodyLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var proof = RecoveryKeyJson.ReadProof(body.Value.Recovery);
        return proof.Refusal is { } malformed
            ? new Problem(malformed)
            : (await recover.Run(
                context.Visitor(), context.BearerToken(), proof.Value,
                signed => SignedJson.Read(signed, body.Value.NewCredentials, RecoveryKeyJson.ReadNew), userHandle: null,
                context.RequestAborted))
                .ToAnswer(done => Completed(new CompletedRecovery(done.Recovery, done.Proof)));
    }

    private static CompletedView Completed(CompletedRecovery done) => new(
        done.Recovery.Id, done.Recovery.State, done.Recovery.Request.Account, done.Recovery.Request.Revoke, done.Proof)
    {
        RecoveryCode = done.RecoveryCode?.Reveal(),
    };

    /// <summary>An account's name with most of it hidden.</summary>
    /// <param name="account">The account.</param>
    internal static string Mask(Account account) =>
        account.Addresses.FirstOrDefault()?.Masked() ?? (account.Username is { Length: > 0 } name ? $"{name[0]}•••" : "•••");

    private sealed record KeySet(IReadOnlyList<PublicJwk> Keys);

    private sealed record AskBody(string Identifier);

    private sealed record RedeemBody(
        SecretText? Token = null, SecretText? LinkSecret = null, SecretText? Code = null, AccountNameBody? Account = null, SecretText? Half = null)
    {
        public Result<PresentedSecret> ToPresented()
        {
            var presented = Read();
            return presented.Refusal is { } refusal ? refusal : presented.Value with { Half = Half };
        }

        private Result<PresentedSecret> Read()
        {
            if (new[] { Token, LinkSecret, Code }.Count(s => s is not null) != 1 || Code is null != Account is null)
            {
                return Wrong("", "Exactly one of token, link_secret, and code with account.");
            }

            if (Token is not null)
            {
                return new PresentedSecret.Long(Means.Token, Token);
            }

            if (LinkSecret is not null)
            {
                return new PresentedSecret.Long(Means.Link, LinkSecret);
            }

            return Account is { Id: null } && Account.ToName() is { Refusal: null } name
                ? new PresentedSecret.Code(Code!, name.Value.Identifier!)
                : Wrong("/account", "Exactly one of email and username.");
        }

        private static Refusal Wrong(string pointer, string detail) =>
            new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, detail)] };
    }

    private sealed record RepudiateBody(SecretText Token);

    private sealed record RepudiatedView(
        RecoveryId? RecoveryId, RecoveryState? State, bool Completed, int SessionsEnded, bool MayFreeze, bool Frozen);

    private sealed record FrozenView(bool Frozen, DateTimeOffset FrozenAt);

    private sealed record PasskeyBody(System.Text.Json.JsonElement Credential, string? Name = null);

    private sealed record PasswordBody(SecretText NewPassword);

    private sealed record RecoveryKeyBody(System.Text.Json.JsonElement Recovery, System.Text.Json.JsonElement NewCredentials);

    private sealed record MaskedView(string Masked);

    private sealed record OpenedView(string RedemptionToken, DateTimeOffset ExpiresAt, IReadOnlyList<string> Allowed, MaskedView Account);

    private sealed record RedemptionInfo(
        DateTimeOffset ExpiresAt, IReadOnlyList<string> Allowed, MaskedView Account, RecoveryId RecoveryId, ApplicationId Application,
        DateTimeOffset RequestedAt, Core.Access.PrincipalKind RequestedBy, IReadOnlyList<Revocation> Revoke);

    private sealed record CompletedView(
        RecoveryId RecoveryId, RecoveryState State, AccountId AccountId, IReadOnlyList<Revocation> Revoked, string Proof)
    {
        public object? Signal { get; init; }

        public string? RecoveryCode { get; init; }
    }
}
