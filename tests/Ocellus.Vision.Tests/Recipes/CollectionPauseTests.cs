using System.Runtime;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

[Collection(nameof(Alone))]
public sealed class CollectionPauseTests
{
    // 48 MB: less than a pause allows, and more than the collector waits for without one.
    private const int Arrays = 600, Bytes = 80_000;

    [Fact]
    public void Nothing_is_collected_until_the_pause_ends()
    {
        int start = GC.CollectionCount(0);
        Allocate();
        int without = GC.CollectionCount(0) - start, before, during;
        using (CollectionPause.Begin())
        {
            before = GC.CollectionCount(0);
            using (CollectionPause.Begin())
            {
                Allocate(.9);
            }

            Assert.Equal(GCLatencyMode.NoGCRegion, GCSettings.LatencyMode); // the inner pause has not ended the outer one
            Allocate(.1);
            during = GC.CollectionCount(0);
        }

        Assert.SkipUnless(without > 0, "The collector waits for more than this test allocates.");
        Assert.Equal(before, during);
    }

    [Fact]
    public void More_than_was_asked_for_is_collected_and_the_next_pause_holds_again()
    {
        using (CollectionPause.Begin())
        {
            Allocate(20);
        }

        Nothing_is_collected_until_the_pause_ends();
    }

    private static void Allocate(double share = 1)
    {
        for (int i = 0; i < Arrays * share; i++)
        {
            GC.KeepAlive(new byte[Bytes]);
        }
    }
}
