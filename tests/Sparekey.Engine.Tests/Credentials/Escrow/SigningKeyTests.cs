using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

/// <summary>Keys that open what is theirs and may sign no more: revoked before their secret half was exported, or expired.</summary>
public sealed class SigningKeyTests
{
    [Fact]
    public async Task A_rotation_begins_no_work_with_a_key_that_signs_no_more()
    {
        var (organisation, next) = (await VectorKeys.Secret("rsa_3072"), await VectorKeys.Public("account_recovery_request"));
        var vector = await PassboltVectors.Key("expired");
        using var expired = PgpSecretKey.Open(Encoding.UTF8.GetBytes(vector.Private), "expired@passbolt.com"u8).Value;
        using var revoked = Revoked(organisation);
        revoked.Public.IsRevoked.ShouldBeTrue();
        var work = new RewrappingWork(organisation.Public.Fingerprint, next.Armored, [organisation.Public.Armored], [EscrowScene.Domain]);

        At(EscrowRewrapping.For(work, revoked, null, VectorKeys.Now)).ShouldBe(("/key", "revoked"));
        At(EscrowRewrapping.For(work, organisation, expired, VectorKeys.Now)).ShouldBe(("/reviewer_key", "expired"));
        EscrowRewrapping.For(work, organisation, null, VectorKeys.Now).Refusal.ShouldBeNull();

        static (string, string?) At<T>(Result<T> result) => (result.Refusal!.Faults[0].Pointer, result.Refusal.Faults[0].Rule);
    }

    [Fact]
    public async Task A_server_that_holds_such_a_key_or_fails_goes_on_when_it_has_a_good_one()
    {
        var source = new KeyInMemory();
        await using var scene = await EscrowScene.Create(more: s => s.AddSingleton<IEscrowKeySource>(source));
        await scene.Enrolled("ada");
        using var revoked = Revoked(scene.Organisation);
        source.Hold(revoked);
        (await scene.Get<DrillEscrow>().Start(scene.Manager, CancellationToken.None)).Value.Drill.State.ShouldBe(DrillState.Open);
        (await scene.Ledgered(LedgerEvent.EscrowDrillFailed)).ShouldBe(1);

        (await scene.Get<RotateEscrow>().Start(scene.Manager, EscrowScene.Given(scene.Next), CancellationToken.None)).Refusal.ShouldBeNull();
        var worker = scene.Get<ContinueRotations>();
        await worker.RunOnce(CancellationToken.None);
        scene.Engine.Time.Advance(TimeSpan.FromSeconds(2)); // It looks more and more rarely.
        var gone = Revoked(scene.Organisation);
        gone.Dispose();
        source.Hold(gone); // To read it throws.
        await worker.RunOnce(CancellationToken.None);
        (await scene.Policy()).Key!.Fingerprint.ShouldBe(scene.Organisation.Public.Fingerprint);

        scene.Engine.Time.Advance(TimeSpan.FromSeconds(4));
        source.Hold(scene.Organisation);
        await worker.RunOnce(CancellationToken.None);
        (await scene.Policy()).Key!.Fingerprint.ShouldBe(scene.Next.Public.Fingerprint);
    }

    private static PgpSecretKey Revoked(PgpSecretKey key) =>
        PgpSecretKey.Open(Encoding.ASCII.GetBytes(VectorKeys.Revoked(key, VectorKeys.Now)), []).Value;
}
