using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>Writes the result of everything that signs a user in.</summary>
/// <param name="tokens">Writes the <c>jwt</c>.</param>
internal sealed class AnswerWriter(IdToken tokens)
{
    /// <summary>The result.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">Of which client.</param>
    /// <param name="user">The user.</param>
    /// <param name="credential">What proved them; null for a code.</param>
    /// <param name="session">The session that was opened; null for none.</param>
    /// <param name="noJwt">Whether the client wants no <c>jwt</c>.</param>
    /// <param name="code">A code that comes with it.</param>
    public async Task<IResult> Write(
        HttpContext context, ClientCall call, Account user, ResultCredential? credential, Session? session, bool? noJwt, CodeView? code = null)
    {
        var name = Names.Of(user);
        var jwt = noJwt == true ? null : await tokens.Write(call.Visitor.Tenant, call.ClientId, user.Id, name, context.RequestAborted);
        return Answers.Json(new ResultView(
            IsAuthenticated: true, new ResultClient(call.ClientId, call.ClientType), new ResultUser(user.Id, "user", name, call.Namespace),
            credential, session is null ? null : new ResultSession(session.Id), jwt, code));
    }

    private sealed record ResultView(
        bool IsAuthenticated, ResultClient Client, ResultUser User, ResultCredential? Credential, ResultSession? Session, string? Jwt,
        CodeView? CodeData);

    private sealed record ResultClient(string Id, string Type);

    private sealed record ResultUser(AccountId Id, string Type, string Username, string NamespaceId);

    private sealed record ResultSession(SessionId Id);
}

/// <summary>What proved a user, in an answer.</summary>
/// <param name="Uuid">The credential.</param>
/// <param name="Type">Its type.</param>
/// <param name="Name">Its name.</param>
internal sealed record ResultCredential(CredentialId Uuid, string Type, string Name);
