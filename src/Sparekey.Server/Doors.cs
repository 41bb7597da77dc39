using Sparekey.Server.Api;
using Sparekey.Server.Dialects.Dfns;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Server.Dialects.Passbolt;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;
using Sparekey.Server.Slack;

namespace Sparekey.Server;

/// <summary>The map: one line per door.</summary>
internal static class Doors
{
    /// <summary>Opens every door.</summary>
    /// <param name="root">The root of all routes.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        HealthApi.Map(root);
        ProblemsApi.Map(root);
        RedemptionsApi.MapKeys(root);
        var pages = Surface.Of(root, "pages");
        RecoverDoor.Map(pages);
        ConfirmDoor.Map(pages);
        HistoryDoor.Map(pages);
        OperateDoor.Map(pages);
        LocalApi.Map(root);
        SlackDoor.Map(Surface.Of(root, "slack"));
        Dialects.LoginId.Endpoints.Map(Surface.Of(root, "loginid"));
        Dialects.Cryptlex.Endpoints.Map(Surface.Of(root, "cryptlex"));
        KratosEndpoints.Map(Surface.Of(root, "kratos"));
        PassboltEndpoints.Map(Surface.Of(root, "passbolt"));
        root.MapSparekeyOpenApi();
        if (root.ServiceProvider.GetRequiredService<DfnsOptions>().Enabled)
        {
            DfnsEndpoints.Map(Surface.Of(root, "dfns"));
        }

        var v1 = root.MapGroup("/v1").AddEndpointFilter<RefusalRecorder>();
        RecoveriesApi.Map(v1);
        EscrowCompletionApi.Map(v1);
        RedemptionsApi.Map(v1);
        RecoveryProofsApi.Map(v1);
        ConfirmationsApi.Map(v1);
        PolicyApi.Map(v1);
        LedgerApi.Map(v1);
        TokensApi.Map(v1);
        OperatorsApi.Map(v1);
        SessionsApi.Map(v1);
        CredentialsApi.Map(v1);
        AccountsApi.Map(v1);
        ApplicationsApi.Map(v1);
        IdentitySchemasApi.Map(v1);
        IncidentsApi.Map(v1);
        FreezesApi.Map(v1);
        WebhooksApi.Map(v1);
        MailApi.Map(v1);
        SlackApi.Map(v1);
        CompanionApi.Map(v1);
        EscrowApi.Map(v1);
        OwnEscrowApi.Map(v1);
        MessagesApi.Map(v1);
    }
}
