using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>People's own escrow and OpenPGP key; and the key of somebody else.</summary>
internal static class OwnEscrowApi
{
    private const int KeyLimit = 300 * 1024;
    private const int EscrowLimit = 2200 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var own = v1.MapGroup("/sessions/current").WithTags("escrow");
        own.MapGet("/escrow", Read).RequireSession().WithSummary("What the organisation wants, its key, and what the person said.");
        own.MapPost("/escrow", Enrol).Takes<EscrowBody>().RequireSession().WithSummary("Puts the person's private key into escrow.");
        own.MapPut("/escrow", Renew).Takes<EscrowBody>().RequireSession()
            .WithSummary("Puts a new escrow in place of the one there is, within 15 minutes of signing in.");
        own.MapPost("/escrow/decline", Decline).TakesNothing().RequireSession().WithSummary("Says that the person wants no escrow.");
        own.MapDelete("/escrow", Withdraw).RequireSession()
            .WithSummary("Takes the private key out of escrow where that is left to people, within 15 minutes of signing in.");
        own.MapGet("/openpgp-key", ReadOwnKey).RequireSession().WithSummary("The person's OpenPGP key.");
        own.MapPut("/openpgp-key", SetOwnKey).Takes<EscrowKeyBody>().RequireSession()
            .WithSummary("Gives oneself an OpenPGP key in place of the one there is, within 15 minutes of signing in.");

        var account = v1.MapGroup("/accounts/{id}/openpgp-key").WithTags("escrow");
        account.MapGet("/", ReadKey).RequirePermission(Permission.AccountRead).WithSummary("An account's OpenPGP key.");
        account.MapPut("/", SetKey).Takes<EscrowKeyBody>().RequirePermission(Permission.AccountWrite)
            .WithSummary("Gives an account an OpenPGP key, for the operator of the machine.");
    }

    /// <summary>What there is to know for the person.</summary>
    private static async Task<IResult> Read(HttpContext context, ReadEscrowPolicy policies, ReadEnrolments enrolments)
    {
        var caller = context.SessionCaller();
        var policy = await policies.Run(caller, context.RequestAborted);
        var enrolment = await enrolments.Find(caller, caller.Session.Account, context.RequestAborted);
        return Answers.Json(new OwnView(
            policy.Mode, policy.Key is { } key ? new OrganisationKeyView(key.Fingerprint, key.Armored) : null,
            enrolment is null ? null : EnrolmentView.Of(enrolment)));
    }

    /// <summary>
    /// Enrols. Refused: <c>invalid_request</c> with every fault, <c>openpgp_unavailable</c>, <c>escrow_disabled</c>, <c>already_enrolled</c>,
    /// <c>version_conflict</c>.
    /// </summary>
    private static async Task<IResult> Enrol(HttpContext context, EnrolInEscrow enrol)
    {
        var body = await StrictBody.Read<EscrowBody>(context, EscrowLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await enrol.Enrol(context.SessionCaller(), body.Value.Read(), context.RequestAborted)).ToAnswer(EnrolmentView.Of, StatusCodes.Status201Created);
    }

    /// <summary>Enrols anew. Refused: as to enrol, but for <c>already_enrolled</c>; <c>fresh_sign_in_required</c>.</summary>
    private static async Task<IResult> Renew(HttpContext context, EnrolInEscrow enrol)
    {
        var body = await StrictBody.Read<EscrowBody>(context, EscrowLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await enrol.Renew(context.SessionCaller(), body.Value.Read(), context.RequestAborted)).ToAnswer(EnrolmentView.Of);
    }

    /// <summary>Declines. Refused: <c>escrow_disabled</c>, <c>escrow_mandatory</c>, <c>already_enrolled</c>.</summary>
    private static async Task<IResult> Decline(HttpContext context, EnrolInEscrow enrol) =>
        (await enrol.Decline(context.SessionCaller(), context.RequestAborted)).ToAnswer(EnrolmentView.Of);

    /// <summary>Withdraws. Refused: <c>enrolment_not_found</c>, <c>escrow_mandatory</c>, <c>fresh_sign_in_required</c>.</summary>
    private static async Task<IResult> Withdraw(HttpContext context, EnrolInEscrow enrol) =>
        (await enrol.Withdraw(context.SessionCaller(), context.RequestAborted)).ToAnswer();

    /// <summary>One's own key. Refused: <c>credential_not_found</c>.</summary>
    private static async Task<IResult> ReadOwnKey(HttpContext context, PersonKeys keys) =>
        await keys.Find(context.SessionCaller(), context.SessionCaller().Session.Account, context.RequestAborted) is { } key
            ? Answers.Json(PersonKeyView.Of(key))
            : new Problem(RefusalCode.CredentialNotFound);

    /// <summary>Sets it. Refused: <c>openpgp_refused</c>, <c>openpgp_unavailable</c>, <c>credential_taken</c>, <c>fresh_sign_in_required</c>.</summary>
    private static async Task<IResult> SetOwnKey(HttpContext context, PersonKeys keys)
    {
        var body = await StrictBody.Read<EscrowKeyBody>(context, KeyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await keys.SetOwn(context.SessionCaller(), body.Value.Read(), context.RequestAborted)).ToAnswer(PersonKeyView.Of);
    }

    /// <summary>An account's key. Refused: <c>credential_not_found</c>.</summary>
    private static async Task<IResult> ReadKey(HttpContext context, PersonKeys keys) =>
        context.RouteId<AccountId>("id") is { } account && await keys.Find(context.Caller(), account, context.RequestAborted) is { } key
            ? Answers.Json(PersonKeyView.Of(key))
            : new Problem(RefusalCode.CredentialNotFound);

    /// <summary>
    /// Sets it. Refused: <c>account_not_found</c>, <c>openpgp_refused</c>, <c>openpgp_unavailable</c>, <c>credential_taken</c>,
    /// <c>policy_refuses</c> to everybody but the operator of the machine, <c>own_account</c>, <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> SetKey(HttpContext context, PersonKeys keys)
    {
        var body = await StrictBody.Read<EscrowKeyBody>(context, KeyLimit);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<AccountId>("id") is { } account
                ? (await keys.Set(context.Caller(), account, body.Value.Read(), context.RequestAborted)).ToAnswer(PersonKeyView.Of)
            : new Problem(RefusalCode.AccountNotFound);
    }

    private sealed record OwnView(EscrowMode Mode, OrganisationKeyView? Key, EnrolmentView? Enrolment);

    private sealed record OrganisationKeyView(string Fingerprint, string ArmoredKey);
}
