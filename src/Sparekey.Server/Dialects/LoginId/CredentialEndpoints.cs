using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary><c>/credentials</c>: a new passkey by a code or by force, and what a backend does with the ones there are.</summary>
internal static class CredentialEndpoints
{
    private const string Proof = "A service token of the client.";
    private const string CeremonyKind = "loginid.attestation";
    private static readonly TimeSpan CeremonyLifetime = TimeSpan.FromMinutes(5);

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        var credentials = group.MapGroup("/credentials");
        credentials.MapPost("/fido2/init/code", InitByCode).Public("The code in the body is the proof, and a client's key where it has one.")
            .CheckOrigin().AnswerOnTheBeat();
        credentials.MapPost("/fido2/init/force", InitByForce).RequireDialectProof(Proof);
        credentials.MapPost("/fido2/complete", Complete).Public("The answer to a challenge that only who proved a code has.")
            .CheckOrigin().AnswerOnTheBeat();
        credentials.MapGet("/", ListByQuery).RequireDialectProof(Proof);
        credentials.MapPost("/list", List).RequireDialectProof(Proof);
        credentials.MapPost("/rename", Rename).RequireDialectProof(Proof);
        credentials.MapPost("/revoke", Revoke).RequireDialectProof(Proof);
        foreach (var (path, scope) in new[]
        {
            ("init", Scopes.ForceCredential), ("evaluate", Scopes.RetrieveSensitive), ("complete", Scopes.ForceCredential),
        })
        {
            credentials.MapPost($"/authid/{path}", (HttpContext context, ClientGate gate) => ScanDocuments(context, gate, scope)).RequireDialectProof(Proof);
        }
    }

    private static async Task<IResult> InitByCode(
        HttpContext context, ClientGate gate, RedeemClientCode redeem, SetNewPasskey set, AddDevice add, Acts acts, CeremonyStore ceremonies)
    {
        var (body, malformed) = await Bodies.Read<InitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.AddCredential);
        if (call is null)
        {
            return error!;
        }

        if (body.AuthenticationCode is not { Code: { } code })
        {
            return LoginIdError.Missing("authentication_code");
        }

        if (CodeType.Of(body.AuthenticationCode.Type ?? "short") is not { } type)
        {
            return LoginIdError.Invalid("authentication_code.type");
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        if (unknown is not null)
        {
            return unknown;
        }

        var attempt = new CodeTry(body.Username ?? body.UserId!, user?.Id, call.Application.Id, call.Namespace, type.Format, code)
        {
            IsVouchedFor = call.Caller is not null,
        };
        var redeemed = await redeem.Run(call.Visitor, attempt, context.RequestAborted);
        if (redeemed.Refusal is { } refused)
        {
            return Errors.OfCode(refused, attempt.IsVouchedFor);
        }

        var token = redeemed.Value.Redemption?.Token;
        var creation = token is not null
            ? await set.Begin(call.Visitor, token, call.Application.Id, context.RequestAborted)
            : await add.Begin(call.Visitor, redeemed.Value.Device!, call.Application.Id, context.RequestAborted);
        return creation.Refusal is { } failed
            ? Errors.OfCode(failed, isVouchedFor: true)
            : await Begin(context, acts, ceremonies, call, user!, creation.Value, token, body.Options);
    }

    private static async Task<IResult> InitByForce(
        HttpContext context, ClientGate gate, CollectRecovery collect, SetNewPasskey set, LoginIdOptions options, Acts acts,
        CeremonyStore ceremonies)
    {
        var (body, malformed) = await Bodies.Read<InitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, Scopes.ForceCredential);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        if (user is null)
        {
            return unknown!;
        }

        var order = new RecoveryOrder(new AccountName(user.Id, null), Means.Force)
        {
            Application = call.Application.Id,
            Reason = body.Reason?.ToReason(),
            Revoke = options.Revoke,
        };
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["dialect"] = ClientIds.Dialect, ["credential"] = "fido2" };
        var collected = await collect.Run(call.Caller!, order, parameters, context.RequestAborted);
        if (collected.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var token = collected.Value.Redemption!.Token;
        var creation = await set.Begin(call.Visitor, token, call.Application.Id, context.RequestAborted);
        return creation.Refusal is { } failed
            ? new Problem(failed)
            : await Begin(context, acts, ceremonies, call, user, creation.Value, token, body.Options);
    }

    // The redemption's token stays here, under seal: the page holds the challenge, which is worth nothing without an authenticator's
    // answer to it.
    private static async Task<IResult> Begin(
        HttpContext context, Acts acts, CeremonyStore ceremonies, ClientCall call, Account user, PasskeyCreation creation, SecretText? token,
        CreationOptions? options)
    {
        var username = Names.Of(user);
        var state = new Attestation(token?.Reveal(), user.Id, call.Namespace, creation.Credential!.Value);
        await acts.Write(
            call.Visitor.Tenant,
            act => ceremonies.Begin(
                act, CeremonyKind, creation.Challenge, new Ceremony<Attestation>(user.Id, null, state, 1), act.Now + CeremonyLifetime),
            context.RequestAborted);
        return Answers.Json(new AttestationView(Mapping.Attestation(creation, username, options)));
    }

    private static async Task<IResult> Complete(
        HttpContext context, ClientGate gate, SetNewPasskey set, AddDevice add, FindMember members, AnswerWriter answers, Acts acts,
        CeremonyStore ceremonies)
    {
        var (body, malformed) = await Bodies.Read<AttestationBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Open(context, body.ClientId);
        if (call is null)
        {
            return error!;
        }

        if (body.AttestationPayload is not { Challenge: { } challenge, CredentialId: { } id, ClientData: { } client, AttestationData: { } data } payload)
        {
            return LoginIdError.Missing("attestation_payload");
        }

        var ceremony = await acts.Read(
            db => ceremonies.Find<Attestation>(db, call.Visitor.Tenant, CeremonyKind, challenge, acts.Now), context.RequestAborted);
        if (ceremony?.State is not { } begun || begun.Namespace != call.Namespace
            || (payload.CredentialUuid is { } uuid && uuid != begun.Credential.ToString())
            || await members.Run(call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, begun.Account, context.RequestAborted) is not { } user
            || (body.Username is { } name && !Names.AreSame(name, Names.Of(user)))
            || (body.UserId is { } userId && userId != user.Id.ToString()))
        {
            return LoginIdError.CredentialRefused;
        }

        var made = new NewPasskey(CredentialNames.Bare(id), CredentialNames.Bare(client), CredentialNames.Bare(data), []);
        var called = CredentialNames.Of(body.Options?.CredentialName, context);
        var refusal = begun.RedemptionToken is { } token
            ? (await set.Run(call.Visitor, new SecretText(token), made, called, context.RequestAborted)).Refusal
            : (await add.Run(call.Visitor, made, called, context.RequestAborted)).Refusal;
        return refusal is not null
            ? new Problem(refusal)
            : await answers.Write(context, call, user, new ResultCredential(begun.Credential, "public_key", called), null, body.NoJwt);
    }

    private static async Task<IResult> ListByQuery(HttpContext context, ClientGate gate, ListCredentials list)
    {
        var (call, error) = await gate.Vouched(context, null, Scopes.ListCredentials);
        return call is null
            ? error!
            : await ListOf(context, gate, list, call, Query(context, "user_id"), Query(context, "username"));
    }

    private static async Task<IResult> List(HttpContext context, ClientGate gate, ListCredentials list)
    {
        var (body, malformed) = await Bodies.Read<CredentialBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, Scopes.ListCredentials);
        return call is null ? error! : await ListOf(context, gate, list, call, body.UserId, body.Username);
    }

    private static async Task<IResult> ListOf(
        HttpContext context, ClientGate gate, ListCredentials list, ClientCall call, string? userId, string? username)
    {
        var (user, unknown) = await gate.UserOf(context, call, userId, username);
        return user is null
            ? unknown!
            : (await list.Run(call.Caller!, user.Id, context.RequestAborted))
                .ToAnswer(all => new CredentialsView(user.Id, [.. all.Select(Mapping.Credential)]));
    }

    private static Task<IResult> Rename(HttpContext context, ClientGate gate, RenameCredential rename) =>
        Change(context, gate, Scopes.RenameCredential, async (call, user, credential, name) => name is null
            ? new Refusal(RefusalCode.InvalidRequest, "Missing parameter: credential.name")
            : await rename.Run(call.Caller!, user.Id, credential, name, context.RequestAborted));

    private static Task<IResult> Revoke(HttpContext context, ClientGate gate, RevokeCredential revoke) =>
        Change(context, gate, Scopes.RevokeCredential, async (call, user, credential, _) =>
        {
            var revoked = await revoke.RunInApplication(call.Caller!, call.Application.Id, user.Id, credential, context.RequestAborted);
            return revoked.Refusal is { } refusal ? refusal : revoked.Value with { State = CredentialState.Revoked };
        });

    private static async Task<IResult> Change(
        HttpContext context, ClientGate gate, string scope, Func<ClientCall, Account, CredentialId, string?, Task<Result<Credential>>> change)
    {
        var (body, malformed) = await Bodies.Read<CredentialBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, scope);
        if (call is null)
        {
            return error!;
        }

        if (body.Credential?.Uuid is not { } uuid)
        {
            return LoginIdError.Missing("credential.uuid");
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        return user is null ? unknown!
            : !Ids.TryParse<CredentialId>(uuid, out var credential) ? new Problem(RefusalCode.CredentialNotFound)
            : (await change(call, user, credential, body.Credential.Name)).ToAnswer(done => new OneCredentialView(user.Id, Mapping.Credential(done)));
    }

    private static async Task<IResult> ScanDocuments(HttpContext context, ClientGate gate, string scope)
    {
        var (body, malformed) = await Bodies.Read<UserBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, scope);
        return call is null ? error! : LoginIdError.DocumentsMissing;
    }

    private static string? Query(HttpContext context, string name) => context.Request.Query[name].ToString() is { Length: > 0 } text ? text : null;

    private sealed record Attestation(string? RedemptionToken, AccountId Account, string Namespace, CredentialId Credential)
    {
        public override string ToString() => $"attestation for {Account}";
    }

    private sealed record AttestationView(object AttestationPayload);

    private sealed record CredentialsView(AccountId UserId, IReadOnlyList<CredentialView> Credentials);

    private sealed record OneCredentialView(AccountId UserId, CredentialView Credential);
}
