using Microsoft.Extensions.DependencyInjection;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow;

public sealed class DrillTests
{
    [Fact]
    public async Task Whoever_holds_the_key_shows_that_it_opens_a_test_escrow()
    {
        await using var scene = await EscrowScene.Create();
        var started = await Start(scene);
        started.Drill.State.ShouldBe(DrillState.Open);
        started.Escrow.Prove(scene.Next, scene.Acts.Now).Fault().ShouldNotBeNull();
        var proof = started.Escrow.Prove(scene.Organisation, scene.Acts.Now).Value;
        scene.Engine.StoredBytes().ShouldNotContain(proof);

        (await Answer(scene, started.Drill.Id, "sparekey-drill-" + new string('0', 64))).Refusal!.Code.ShouldBe(RefusalCode.DrillFailed);
        var passed = (await Answer(scene, started.Drill.Id, proof)).Value;

        (passed.State, passed.EndedAt, passed.EndedBy).ShouldBe((DrillState.Passed, scene.Acts.Now, scene.Manager.Principal.Id));
        (await Answer(scene, started.Drill.Id, proof)).Refusal!.Code.ShouldBe(RefusalCode.DrillNotFound);
        (await scene.Ledgered(LedgerEvent.EscrowDrillPassed)).ShouldBe(1);
        (await scene.Ledgered(LedgerEvent.EscrowDrillFailed)).ShouldBe(1);
        (await scene.Get<ReadEscrowStatus>().Run(scene.Manager, CancellationToken.None)).Value.LastDrill!.State.ShouldBe(DrillState.Passed);
    }

    [Fact]
    public async Task The_proof_of_one_drill_is_none_of_another_and_ten_wrong_ones_end_it()
    {
        await using var scene = await EscrowScene.Create();
        var (one, other) = (await Start(scene), await Start(scene));
        var proof = one.Escrow.Prove(scene.Organisation, scene.Acts.Now).Value;
        for (var i = 0; i < 10; i++)
        {
            (await Answer(scene, other.Drill.Id, proof)).Refusal!.Code.ShouldBe(RefusalCode.DrillFailed);
        }

        (await Answer(scene, other.Drill.Id, other.Escrow.Prove(scene.Organisation, scene.Acts.Now).Value)).Refusal!.Code.ShouldBe(RefusalCode.DrillNotFound);
        (await Answer(scene, NewId.Make<DrillId>(), proof)).Refusal!.Code.ShouldBe(RefusalCode.DrillNotFound);
        scene.Engine.Time.Advance(DrillEscrow.Lasts);
        (await Answer(scene, one.Drill.Id, proof)).Refusal!.Code.ShouldBe(RefusalCode.DrillNotFound);
    }

    [Fact]
    public async Task A_real_escrow_in_the_place_of_a_test_is_not_opened_for_anybody()
    {
        await using var scene = await EscrowScene.Create();
        var ada = await scene.Person("ada");
        var escrow = scene.Escrow(ada);

        new TestEscrow(escrow.Passwords![0].Armored!, escrow.Blob!).Prove(scene.Organisation, scene.Acts.Now).Fault().ShouldBe(PgpFault.WrongUser);
        new TestEscrow((await Start(scene)).Escrow.Password, escrow.Blob!).Prove(scene.Organisation, scene.Acts.Now).Fault().ShouldNotBeNull();
        new TestEscrow("hello", "hello").Prove(scene.Organisation, scene.Acts.Now).Fault().ShouldBe(PgpFault.Unparsable);
    }

    [Fact]
    public async Task A_server_that_holds_the_key_passes_at_once_and_one_with_another_key_fails()
    {
        var source = new KeyInMemory();
        await using var scene = await EscrowScene.Create(more: s => s.AddSingleton<IEscrowKeySource>(source));
        source.Hold(scene.Organisation);
        (await Start(scene)).Drill.ShouldSatisfyAllConditions(d => d.State.ShouldBe(DrillState.Passed), d => d.EndedBy.ShouldBe("system"));
        source.Hold(scene.Next);
        (await Start(scene)).Drill.State.ShouldBe(DrillState.Open);
        (await scene.Ledgered(LedgerEvent.EscrowDrillFailed)).ShouldBe(1);
    }

    [Fact]
    public async Task There_is_none_without_an_escrow_or_the_highest_ceiling()
    {
        await using var scene = await EscrowScene.Create(enabled: false);
        (await scene.Get<DrillEscrow>().Start(scene.Manager, CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.EscrowDisabled);
        (await scene.Get<DrillEscrow>().Start(EscrowScene.Operator("desk", "user", Permission.EscrowManage), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.AboveCeiling);
        (await scene.Get<DrillEscrow>().List(EscrowScene.Operator("desk", "admin", Permission.LedgerRead), 5, CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.PermissionMissing);
    }

    private static async Task<StartedDrill> Start(EscrowScene scene) => (await scene.Get<DrillEscrow>().Start(scene.Manager, CancellationToken.None)).Value;

    private static Task<Result<Drill>> Answer(EscrowScene scene, DrillId id, string proof) =>
        scene.Get<DrillEscrow>().Answer(scene.Manager, id, proof, CancellationToken.None);
}
