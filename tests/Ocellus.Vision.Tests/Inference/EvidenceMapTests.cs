using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Inference;

public sealed class EvidenceMapTests
{
    // Two labels on a grid of two rows and three columns.
    private static readonly EvidenceMap _map = new([0, 0, 4, 0, 0, 0, 1, 1, 1, 1, 1, 1], 2, 3, 1, 1);

    [Fact]
    public void Between_places_the_score_is_interpolated()
    {
        Assert.Equal(4, _map.At(0, 5 / 6.0, .25), 1e-6); // the middle of the third place of the upper row
        Assert.Equal(2, _map.At(0, 4 / 6.0, .25), 1e-6); // half way to its neighbour
        Assert.Equal(2, _map.At(0, 5 / 6.0, .5), 1e-6);
        Assert.Equal(4, _map.At(0, 1, 0), 1e-6); // the corner
        Assert.Equal(0, _map.At(0, 0, 1), 1e-6);
        Assert.Equal(1, _map.At(1, .3, .7), 1e-6);
    }

    [Fact]
    public void What_stands_out_does_so_from_0_to_1_and_a_flat_map_has_nothing()
    {
        Func<double, double, double> standing = _map.Standing(0)!;

        Assert.Equal([1.0, .5, 0], [standing(5 / 6.0, .25), standing(4 / 6.0, .25), standing(0, 1)]);
        Assert.Null(_map.Standing(1));
    }

    [Fact]
    public void Places_of_the_grey_beside_the_image_do_not_count()
    {
        // The image fills the left two thirds; the highest place is outside.
        EvidenceMap fitted = _map with { Values = [0, 2, 9, 0, 0, 9, 0, 0, 0, 0, 0, 0], ShownWidth = 2 / 3f };

        Assert.Equal(1, fitted.Standing(0)!(.75, .25));
        Assert.Equal(2, fitted.At(0, .75, .25), 1e-5);
    }
}
