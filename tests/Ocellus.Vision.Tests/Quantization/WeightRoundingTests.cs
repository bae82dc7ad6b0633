using Ocellus.Vision.Quantization;

namespace Ocellus.Vision.Tests.Quantization;

public sealed class WeightRoundingTests
{
    [Fact]
    public void The_factor_is_that_of_the_inverse()
    {
        double[,] matrix = { { 4, 2, .5 }, { 2, 3, 1 }, { .5, 1, 2 } };
        float[][] upper = WeightRounding.InverseFactor(matrix);
        // Five thousandths of the mean variance, 3, are added to each.
        for (int i = 0; i < 3; i++)
        {
            matrix[i, i] += .015;
            Assert.All(upper[i].Take(i), value => Assert.Equal(0, value));
        }

        for (int i = 0; i < 3; i++)
        {
            for (int j = 0; j < 3; j++)
            {
                double one = 0;
                for (int k = 0; k < 3; k++)
                {
                    for (int l = 0; l < 3; l++)
                    {
                        one += upper[l][i] * (double)upper[l][k] * matrix[k, j];
                    }
                }

                Assert.Equal(i == j ? 1 : 0, one, 1e-5);
            }
        }
    }

    [Fact]
    public void Inputs_that_have_nothing_to_do_with_one_another_are_rounded_to_the_nearest()
    {
        double[,] apart = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 } };

        Assert.Equal([1, -2, 3], WeightRounding.Round([1.4f, -1.6f, 2.7f], [1], apart, 64).Select(b => (int)b));
    }

    [Fact]
    public void What_the_first_loses_the_second_makes_up_for_where_both_inputs_are_the_same()
    {
        // 1.4 and 1.4 of the same input are 2.8: 1 and 2 are nearer to it than 1 and 1.
        sbyte[] bytes = WeightRounding.Round([1.4f, 1.4f], [1], new double[,] { { 1, 1 }, { 1, 1 } }, 64);

        Assert.Equal([1, 2], bytes.Select(b => (int)b));
    }

    [Fact]
    public void No_byte_is_larger_than_the_largest() =>
        Assert.Equal([64, -64], WeightRounding.Round([100, -100], [1], new double[,] { { 1, 0 }, { 0, 1 } }, 64).Select(b => (int)b));
}
